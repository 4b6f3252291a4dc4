"""Say what is wrong with this machine or a board, and how to cure it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.options import inventory_option
from edgekit.cli.output import Output, aligned, output_options
from edgekit.core.checkup import Check, Checkup, State
from edgekit.core.errors import BoardError, ConfigError

if TYPE_CHECKING:
    from edgekit.core.errors import EdgekitError

ADDRESS = re.compile(r"\b\d{1,3}(\.\d{1,3}){3}\b|\b[0-9a-f]{0,4}(:[0-9a-f]{0,4}){3,7}\b")
LOGIN = re.compile(r"\b[\w.-]+@[\w.-]+")


@click.command()
@click.option("--board", default="", help="Check this board as well.")
@click.option("--profile", default="", help="Compare the board with this profile.")
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="Write it without names, addresses and paths, to be shown to others.",
)
@inventory_option
@output_options
def command(
    board: str, profile: str, report: Path | None, inventory: Path | None, output: Output
) -> None:
    """Check this machine, and a board: what is in order, what is not, and the cure.

    Nothing is changed on this machine; on a board the runner is put into its cache. The exit code
    is 3 when something of this machine fails, 5 when something of the board does.

    \b
    Examples:
      edgekit doctor
      edgekit doctor --board kitchen-pi
      edgekit doctor --board kitchen-pi --report doctor.txt
    """
    from edgekit.cli.host_checks import host_checks

    checkups = [Checkup("host", tuple(host_checks()))]
    if board:
        checkups.append(Checkup(board, _board(board, profile, inventory, output)))
    text = "\n\n".join(_text(checkup) for checkup in checkups)
    output.data({"checkups": [_plain(checkup) for checkup in checkups]}, text)
    if report:
        from edgekit.core.record import write_atomically

        write_atomically(report, redacted(text, [board]) + "\n")
        output.note(f"wrote {report}, without names, addresses and paths")
    _require(checkups)


def _board(name: str, profile: str, inventory: Path | None, output: Output) -> tuple[Check, ...]:
    """The board's checks; one that cannot be reached has one failed check."""
    from edgekit.boards.checkup import board_checks, clock_skew_s
    from edgekit.boards.opening import open_board
    from edgekit.boards.probing import probe

    try:
        with open_board(
            name, inventory=inventory, profile=profile, progress=output.note
        ) as opened:
            asked, begun = datetime.now(UTC).replace(microsecond=0), time.perf_counter()
            probed = probe(opened.entry, opened.transport, profile=profile)
            spent_s, answered = time.perf_counter() - begun, datetime.now(UTC)
    except BoardError as err:
        return (_refused(err),)
    skew_s = clock_skew_s(probed.facts, asked, answered)
    return tuple(board_checks(probed, round_trip_s=spent_s, clock_skew_s=skew_s))


def _refused(err: EdgekitError) -> Check:
    return Check("reachable", State.FAIL, err.message, err.hint)


def _plain(checkup: Checkup) -> dict[str, object]:
    from edgekit.core.record import dump

    return dump(checkup)


def _text(checkup: Checkup) -> str:
    rows = [(c.state.value, c.name, c.seen) for c in checkup.checks]
    lines = aligned(("", checkup.subject, "seen"), rows).splitlines()
    shown = lines[:2]
    for line, found in zip(lines[2:], checkup.checks, strict=True):
        shown.append(line)
        if found.cure:
            shown.append(f"      -> {found.cure}")
    return "\n".join(shown)


def redacted(text: str, names: Sequence[str]) -> str:
    """The text without what tells whose machines these are."""
    from edgekit.boards.inventory import list_boards

    known = {"HOME": str(Path.home()), "USER": os.environ.get("USER", "")}
    text = text.replace(known["HOME"], "~")
    words: list[str] = [*names, known["USER"]]
    try:
        words += [word for entry in list_boards() for word in (entry.name, entry.host, entry.user)]
    except ConfigError:  # the checkup tells what is wrong with it
        pass
    text = ADDRESS.sub("ADDRESS", LOGIN.sub("USER@HOST", text))
    for word in sorted(filter(None, words), key=len, reverse=True):
        text = re.sub(rf"(?<![\w.-]){re.escape(word)}(?![\w.-])", "NAME", text)
    return re.sub(r"(?<![\w~.])/[\w./-]+/", "…/", text)


def _require(checkups: Sequence[Checkup]) -> None:
    """Ends with the documented code when a check failed.

    Raises:
        ConfigError: of this machine.
        BoardError: of the board.
    """
    kinds = (ConfigError, BoardError)
    for checkup, kind in reversed(list(zip(checkups, kinds, strict=False))):
        if checkup.failed:
            names = ", ".join(found.name for found in checkup.failed)
            hint = next((found.cure for found in checkup.failed if found.cure), "")
            raise kind(f"{checkup.subject}: {names} failed", hint=hint)
