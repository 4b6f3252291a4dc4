"""Watch what services on boards do, live."""

from __future__ import annotations

import threading
from pathlib import Path

import click

from edgekit.cli.options import inventory_option
from edgekit.cli.output import Output, output_options
from edgekit.cli.quantities import Duration
from edgekit.core.errors import ConfigError, UsageFault
from edgekit.core.record import to_plain

ALL = "*"


@click.command()
@click.argument("boards", nargs=-1, metavar="[BOARD]...")
@click.option(
    "--fleet",
    is_flag=False,
    flag_value=ALL,
    metavar="[FILE]",
    help="Every board of the inventory, or of a file as boards.toml.",
)
@click.option("--tag", default="", help="Fleet: only boards with this tag.")
@click.option("--app", default="", help="Only this application.")
@click.option("--interval", default=2.0, show_default="2s", type=Duration(), help="Between looks.")
@click.option("--count", default=0, type=click.IntRange(0), help="End after so many looks.")
@inventory_option
@output_options
def command(
    boards: tuple[str, ...],
    fleet: str | None,
    tag: str,
    app: str,
    interval: float,
    count: int,
    inventory: Path | None,
    output: Output,
) -> None:
    """Watch services on BOARDs: rate, percentiles, heat, throttling, failures, until Ctrl-C.

    On a terminal the rows are drawn over; elsewhere every look prints tab-separated lines.
    Percentiles are of the inferences since the look before, out of the service's histogram.
    With --json one look (or --count of them) is one document.

    \b
    Examples:
      edgekit watch kitchen-pi
      edgekit watch --fleet --tag kitchen --interval 5s
      edgekit watch --fleet boards.toml --count 1 --json
    """
    from edgekit.boards.opening import find_board
    from edgekit.cli.watch_rows import WatchTable
    from edgekit.cli.watching import BoardWatch, rounds

    inventory = Path(fleet) if fleet not in (None, ALL) else inventory
    names = _names(boards, fleet is not None, tag, inventory)
    for name in names:
        find_board(name, inventory=inventory)
    watches = [BoardWatch(name, app, inventory) for name in names]
    shown: list[object] = []
    table = WatchTable()
    stop = threading.Event()
    if output.as_json:
        count = count or 1
    try:
        for rows in rounds(watches, interval, count, stop):
            if output.as_json:
                shown.append([to_plain(row) for row in rows])
            else:
                table.show(rows)
    except KeyboardInterrupt:  # the way that was told
        stop.set()
        output.note("ended")
    if output.as_json:
        output.data({"looks": shown}, "")


def _names(boards: tuple[str, ...], is_fleet: bool, tag: str, inventory: Path | None) -> list[str]:
    from edgekit.boards.inventory import list_boards

    if not is_fleet:
        if tag:
            raise UsageFault("--tag needs --fleet", hint="edgekit watch --fleet --tag TAG")
        if not boards:
            raise UsageFault("which boards?", hint="edgekit watch BOARD, or edgekit watch --fleet")
        return list(boards)
    found = [b.name for b in list_boards(inventory) if not tag or tag in b.tags]
    if not found:
        raise ConfigError(
            f"no board has the tag {tag!r}" if tag else "the inventory has no boards",
            hint="edgekit boards list",
        )
    return [*boards, *(name for name in found if name not in boards)]
