"""Show what a service on a board wrote to its journal."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.options import installed_options
from edgekit.cli.output import Output, output_options


@click.command()
@installed_options
@click.option("--lines", default=50, show_default=True, type=click.IntRange(1, 5000))
@output_options
def command(board: str, app: str, lines: int, inventory: Path | None, output: Output) -> None:
    """Show the last lines of an application's service.

    \b
    Examples:
      edgekit logs kitchen-pi
      edgekit logs kitchen-pi --app doorbell --lines 200
    """
    from edgekit.boards.opening import open_session
    from edgekit.boards.releases import choose_app, list_releases
    from edgekit.boards.services import service_logs

    with open_session(board, inventory=inventory, progress=output.note) as session:
        name = choose_app(list_releases(session, app), app)
        found = service_logs(session, name, lines)
    output.data(list(found), "\n".join(found))
