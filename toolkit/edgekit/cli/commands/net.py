"""List networks; check the shaping link."""

from __future__ import annotations

import click

from edgekit.cli.output import Output, output_options, table
from edgekit.core.record import to_plain
from edgekit.core.units import format_ms


@click.group()
def command() -> None:
    """Networks that edgekit emulates in front of an endpoint.

    \b
    Examples:
      edgekit net list
      edgekit net check 4g
    """


@command.command("list")
@output_options
def list_command(output: Output) -> None:
    """List the named networks with their sources."""
    from edgekit.networks.catalog import list_networks

    networks = list_networks()
    rows = [
        (n.id, format_ms(n.rtt_ms), _rate(n.up_kbit_s), _rate(n.down_kbit_s), n.source, n.note)
        for n in networks
    ]
    headers = ("id", "RTT", "up", "down", "source", "note")
    output.data([to_plain(network) for network in networks], table(headers, rows))


@command.command("check")
@click.argument("network")
@output_options
def check_command(network: str, output: Output) -> None:
    """Measure what the shaping link does for a network, against what it should do."""
    from edgekit.networks.catalog import load_network
    from edgekit.networks.link_check import check_link

    asked = load_network(network)
    found = check_link(asked)
    rows = [
        ("round trip", format_ms(asked.rtt_ms), format_ms(found.rtt_ms)),
        ("up", _rate(asked.up_kbit_s), _rate(found.up_kbit_s)),
        ("down", _rate(asked.down_kbit_s), _rate(found.down_kbit_s)),
    ]
    output.data(found, table(("", "asked", "measured"), rows))


def _rate(kbit_s: float) -> str:
    return f"{kbit_s / 1e3:.3g} Mbit/s" if kbit_s else "unlimited"
