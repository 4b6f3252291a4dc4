"""Bring virtual boards up and down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edgekit.cli.output import Output, output_options, table
from edgekit.core.record import to_plain

if TYPE_CHECKING:
    from edgekit.boards.virtual.lasting import LastingBoard

BOARD_KINDS = ("local", "arm64", "arm64-user", "armv7-user")
PROFILES = {"armv7-user": "raspberrypi-4b-32bit"}
"""What a board stands for where the usual profile has another processor."""


@click.group()
def command() -> None:
    """Virtual boards that stay up: used by name as any other board.

    ``local`` is this machine behind an SSH server of its own, without root; ``arm64`` is an
    emulated machine with its own kernel and disk; ``arm64-user`` and ``armv7-user`` are the programs
    of such a machine on this one's kernel, with a /sys that can be edited.

    \b
    Examples:
      edgekit board up
      edgekit deploy artifact --board local-1
      edgekit board up --kind arm64 --profile raspberrypi-4b
      edgekit board up --kind armv7-user --profile raspberrypi-4b-32bit
      edgekit board up --name far --fault delay=80 --fault rate=2000 --fault cut=5M
      edgekit board down local-1
    """


@command.command("up")
@click.option("--kind", type=click.Choice(BOARD_KINDS), default="local", show_default=True)
@click.option("--name", default="", help="How it is called; default: the kind and a number.")
@click.option("--profile", default="", help="What it stands for; default: a Raspberry Pi.")
@click.option("--network", default="loopback", show_default=True, help="edgekit net list.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME=N",
    help="On the way there: cut=BYTES, stall=BYTES, delay=MS, jitter=MS, rate=KBIT, loss=PERCENT.",
)
@output_options
def up_command(
    kind: str, name: str, profile: str, network: str, faults: tuple[str, ...], output: Output
) -> None:
    """Start a virtual board and leave it running."""
    from edgekit.boards.inventory import NAME
    from edgekit.boards.virtual.faults import parse_faults
    from edgekit.boards.virtual.lasting import BoardSpec, bring_up, list_lasting
    from edgekit.core.errors import ConfigError
    from edgekit.networks.catalog import load_network
    from edgekit.profiles.device import load_profile

    profile = profile or PROFILES.get(kind, "raspberrypi")
    load_profile(profile)
    parse_faults(faults, load_network(network))
    taken = {board.spec.name for board in list_lasting()}
    names = (f"{kind}-{number}" for number in range(1, len(taken) + 2))
    wanted = name or next(free for free in names if free not in taken)
    if not NAME.fullmatch(wanted) or wanted in ("local", "arm64"):
        raise ConfigError(f"a virtual board cannot be called {wanted!r}", hint="--name local-1")
    output.note(f"starting {wanted}")
    board = bring_up(BoardSpec(wanted, kind, profile, network, faults))
    output.data(to_plain(board), _line(board))
    output.next_step(f"edgekit boards probe {wanted}")


@command.command("list")
@output_options
def list_command(output: Output) -> None:
    """List the virtual boards that are up."""
    from edgekit.boards.virtual.lasting import list_lasting

    boards = list_lasting()
    rows = [
        (
            board.spec.name,
            board.spec.kind,
            board.entry.profile,
            f"{board.entry.host}:{board.entry.port}",
            " ".join((board.spec.network, *board.spec.faults)),
        )
        for board in boards
    ]
    headers = ("name", "kind", "profile", "address", "on the way")
    output.data([to_plain(board) for board in boards], table(headers, rows) if rows else "")
    if not rows:
        output.note("no virtual board is up")
        output.next_step("edgekit board up")


@command.command("down")
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every one that is up.")
@click.option("--delete", is_flag=True, help="Forget what is on it, too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output_options
def down_command(
    names: tuple[str, ...], everything: bool, delete: bool, yes: bool, output: Output
) -> None:
    """End virtual boards."""
    from edgekit.boards.virtual.lasting import list_lasting, take_down
    from edgekit.core.errors import UsageFault

    wanted = tuple(board.spec.name for board in list_lasting()) if everything else names
    if not wanted and not everything:
        raise UsageFault("no board was named", hint="edgekit board down NAME, or --all")
    if delete and not yes:
        click.confirm(f"delete what is on {', '.join(wanted)}?", abort=True, err=True)
    for name in wanted:
        take_down(name, delete=delete)
    output.data({"ended": list(wanted)}, "\n".join(f"{name} is down" for name in wanted))


def _line(board: LastingBoard) -> str:
    entry = board.entry
    what = "emulated" if entry.emulated else "this machine, standing in"
    return f"{board.spec.name} is up at {entry.host}:{entry.port} ({what} for a {entry.profile})"
