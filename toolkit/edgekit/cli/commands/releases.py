"""List the releases that lie on a board."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.options import installed_options
from edgekit.cli.output import Output, output_options, table
from edgekit.core.record import to_plain
from edgekit.core.units import format_bytes


@click.command()
@installed_options
@output_options
def command(board: str, app: str, inventory: Path | None, output: Output) -> None:
    """List the complete releases on a board: which is active, which one to go back to.

    \b
    Examples:
      edgekit releases kitchen-pi
      edgekit releases kitchen-pi --app doorbell --json
    """
    from edgekit.boards.opening import open_session
    from edgekit.boards.releases import list_releases

    with open_session(board, inventory=inventory, progress=output.note) as session:
        found = list_releases(session, app)
    rows = []
    for release in found:
        marks = ["active"] if release.is_current else []
        marks += ["previous"] if release.is_previous else []
        marks += [] if release.is_confirmed else ["never confirmed"]
        marks += [release.problem] if release.problem else []
        signed = f"signed, {release.counter}" if release.is_signed else "-"
        size = format_bytes(release.size_bytes)
        rows.append((release.app, release.release, ", ".join(marks), release.engine, size, signed))
    headers = ("app", "release", "state", "engine", "size", "signature")
    output.data(to_plain(list(found)), table(headers, rows) if rows else "")
    if not rows:
        output.note(f"{board} has no release yet")
        output.next_step(f"edgekit deploy ARTIFACT --board {board}")
    elif any(release.is_previous for release in found):
        output.next_step(f"edgekit rollback {board}")
