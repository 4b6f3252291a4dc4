"""Go back to an earlier release on a board."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.options import app_option, board_argument, inventory_option
from edgekit.cli.output import Output, output_options
from edgekit.core.record import to_plain


@click.command()
@board_argument
@app_option
@click.option(
    "--release", default="", help="Id of one that lies there; default: the previous one."
)
@click.option("--dry-run", is_flag=True, help="Say what would become active; change nothing.")
@inventory_option
@output_options
def command(
    board: str,
    app: str,
    release: str,
    dry_run: bool,
    inventory: Path | None,
    output: Output,
) -> None:
    """Make an earlier release active again; nothing is sent, every byte of it is verified first.

    \b
    Examples:
      edgekit rollback kitchen-pi
      edgekit rollback kitchen-pi --app doorbell --release 0123456789abcdef
    """
    from edgekit.boards.opening import open_session
    from edgekit.boards.releases import choose_app, list_releases, roll_back
    from edgekit.boards.services import restart_service
    from edgekit.boards.surveying import survey_board
    from edgekit.core.errors import BoardError, ConfigError
    from edgekit.core.suggest import did_you_mean

    with open_session(board, inventory=inventory, progress=output.note) as session:
        found = list_releases(session, app)
        name = choose_app(found, app)
        here = [r for r in found if r.app == name]
        ids = [r.release for r in here]
        if release and release not in ids:
            raise ConfigError(
                f"{board} has no release {release!r} of {name}", hint=did_you_mean(release, ids)
            )
        wanted = release or next((r.release for r in here if r.is_previous), "")
        if not wanted:
            raise BoardError(
                f"{board} has no release of {name} to go back to", hint=f"edgekit releases {board}"
            )
        if dry_run:
            output.data({"app": name, "release": wanted}, f"{name} -> {wanted} (not done)")
            return
        done = roll_back(session, name, wanted)
        if survey_board(session, name).active.has_service:
            output.note("waiting for the service's answer")
            restart_service(session, name, {})
    output.data(to_plain(done), f"{board}: {name} {done.release} is active, was {done.previous}")
    output.next_step(f"edgekit releases {board}")
