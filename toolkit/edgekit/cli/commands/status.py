"""Say what runs on a board and how it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.options import installed_options
from edgekit.cli.output import Output, output_options, table
from edgekit.core.record import Unavailable, to_plain
from edgekit.core.units import format_ms

if TYPE_CHECKING:
    from edgekit.boards.services import ServiceState
    from edgekit.core.deploy import ReleaseOnBoard


@click.command()
@installed_options
@output_options
def command(board: str, app: str, inventory: Path | None, output: Output) -> None:
    """Say per application which release is active, whether it is served, and how fast.

    \b
    Examples:
      edgekit status kitchen-pi
      edgekit status kitchen-pi --app doorbell --json
    """
    from edgekit.boards.opening import open_session
    from edgekit.boards.releases import list_releases
    from edgekit.boards.services import service_state
    from edgekit.boards.surveying import survey_board

    documents, rows = [], []
    with open_session(board, inventory=inventory, progress=output.note) as session:
        for release in list_releases(session, app):
            if not release.is_current:
                continue
            served: ServiceState | Unavailable = Unavailable("it has no service")
            if survey_board(session, release.app).active.has_service:
                served = service_state(session, release.app)
            documents.append({"release": to_plain(release), "service": to_plain(served)})
            rows.append((*_release_cells(release), *_service_cells(served)))
    headers = ("app", "release", "signature", "service", "port", "requests", "restarts", "mean")
    output.data(documents, table(headers, rows) if rows else "")
    if not rows:
        output.note(f"{board} has no active release")
        output.next_step(f"edgekit deploy ARTIFACT --board {board}")


def _release_cells(release: ReleaseOnBoard) -> tuple[str, str, str]:
    confirmed = "" if release.is_confirmed else " (never confirmed)"
    return release.app, release.release + confirmed, "signed" if release.is_signed else "-"


def _service_cells(served: ServiceState | Unavailable) -> tuple[str, str, str, str, str]:
    if isinstance(served, Unavailable):
        return "-", "-", "-", "-", "-"
    mean = "-" if served.mean_ms is None else format_ms(served.mean_ms)
    state = served.state if served.serving else f"{served.state}, no answer"
    return state, str(served.port), str(served.requests), str(served.restarts), mean
