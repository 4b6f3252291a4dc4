"""List networks, check the shaping link, measure a real network."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.output import Output, output_options, table
from edgekit.core.network import NetworkProfile
from edgekit.core.record import to_plain
from edgekit.core.units import format_ms


@click.group()
def command() -> None:
    """Networks that edgekit emulates in front of an endpoint.

    \b
    Examples:
      edgekit net list
      edgekit net check 4g
      edgekit net measure 10.0.0.5:8099 --out networks/office.toml
    """


@command.command("list")
@output_options
def list_command(output: Output) -> None:
    """List the named networks with their sources."""
    from edgekit.networks.catalog import list_networks

    networks = list_networks()
    rows = [
        (n.id, format_ms(n.rtt_ms), _rate(n, "up"), _rate(n, "down"), n.source, n.note)
        for n in networks
    ]
    headers = ("id", "RTT", "up", "down", "source", "note")
    output.data([to_plain(network) for network in networks], table(headers, rows))


@command.command("show")
@click.argument("network")
@output_options
def show_command(network: str, output: Output) -> None:
    """Show all that a network's profile says."""
    from edgekit.networks.catalog import load_network

    found = load_network(network)
    queue = f"{found.queue_ms:g} ms" if found.queue_ms else "one round trip, at least 50 ms"
    rows = [
        ("round trip", format_ms(found.rtt_ms)),
        ("jitter (standard deviation, one way)", format_ms(found.jitter_ms)),
        ("up", _rate(found, "up")),
        ("down", _rate(found, "down")),
        ("queue", queue),
        ("lost segments", f"{found.loss_share:.2%}"),
        ("source", found.source),
        ("note", found.note),
    ]
    output.data({"network": to_plain(found)}, table((found.id, found.name), rows))


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
        ("up", _rate(asked, "up"), _mbit(found.up_kbit_s)),
        ("down", _rate(asked, "down"), _mbit(found.down_kbit_s)),
    ]
    output.data(found, table(("", "asked", "measured"), rows))


@command.command("listen")
@click.option("--host", default="0.0.0.0", show_default=True, help="Address to listen on.")  # noqa: S104
@click.option("--port", default=8099, show_default=True, type=click.IntRange(0, 65535))
@output_options
def listen_command(host: str, port: int, output: Output) -> None:
    """Answer `edgekit net measure` on the far side of a network, until Ctrl-C."""
    from edgekit.networks.measuring import listen

    with listen(host, port) as server:
        where = f"{host}:{server.port}"
        output.data({"host": host, "port": server.port}, f"answering at {where}; Ctrl-C ends it")
        try:
            server.wait()
        except KeyboardInterrupt:  # the way that was told
            output.note("ended")


@command.command("measure")
@click.argument("address", metavar="HOST:PORT")
@click.option("--out", type=click.Path(path_type=Path), help="Write the profile there (.toml).")
@click.option("--seconds", default=2.0, show_default=True, help="Length of a transfer.")
@output_options
def measure_command(address: str, out: Path | None, seconds: float, output: Output) -> None:
    """Measure the real network to a machine that runs `edgekit net listen`.

    The result is a profile of your own: in the folder networks/ of a project it is found by its
    name.
    """
    from edgekit.networks.measuring import measure, write_profile

    found = measure(address, name=out.stem if out else "measured", seconds=seconds)
    rows = [
        ("round trip", format_ms(found.rtt_ms)),
        ("jitter (standard deviation, one way)", format_ms(found.jitter_ms)),
        ("up", _rate(found, "up")),
        ("down", _rate(found, "down")),
    ]
    if out:
        write_profile(found, out)
    output.data({"network": to_plain(found)}, table((found.id, "measured"), rows))
    if out:
        output.next_step(f"edgekit net check {out}")


def _rate(network: NetworkProfile, direction: str) -> str:
    from edgekit.networks.link_check import nominal_kbit_s

    kbit_s = nominal_kbit_s(network, direction)
    changes = " on average" if getattr(network, f"{direction}_trace") else ""
    return f"{_mbit(kbit_s)}{changes}" if kbit_s else "unlimited"


def _mbit(kbit_s: float) -> str:
    return f"{kbit_s / 1e3:.3g} Mbit/s"
