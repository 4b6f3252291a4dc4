"""Remove from a board what no kept release needs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from edgekit.cli.options import board_argument, inventory_option
from edgekit.cli.output import Output, output_options
from edgekit.core.errors import UsageFault
from edgekit.core.record import to_plain
from edgekit.core.units import format_bytes


@click.command()
@board_argument
@click.option("--dry-run", is_flag=True, help="Say what would be removed; remove nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@inventory_option
@output_options
def command(board: str, dry_run: bool, yes: bool, inventory: Path | None, output: Output) -> None:
    """Remove releases but the current and the previous one of each application.

    Files, engine wheels and half transfers that no kept release uses go too.

    \b
    Examples:
      edgekit gc kitchen-pi --dry-run
      edgekit gc kitchen-pi --yes
    """
    from edgekit.boards.opening import open_session
    from edgekit.boards.releases import collect_garbage

    with open_session(board, inventory=inventory, progress=output.note) as session:
        planned = collect_garbage(session, dry_run=True)
        lines = [f"  {what}" for what in planned.removed]
        if dry_run or not planned.removed:
            head = f"{board}: nothing to remove"
            shown = "\n".join([f"{board}: would remove", *lines]) if lines else head
            output.data(to_plain(planned), shown)
            return
        if not yes:
            output.note("\n".join([f"{board}: about to remove", *lines]))
            _require_consent(output)
        done = collect_garbage(session, dry_run=False)
    freed = format_bytes(done.freed_bytes)
    output.data(to_plain(done), f"{board}: removed {len(done.removed)} things, {freed} freed")


def _require_consent(output: Output) -> None:
    if output.as_json or not sys.stdin.isatty():
        raise UsageFault("it removes things from a board", hint="add --yes")
    click.confirm("remove them?", abort=True, err=True)
