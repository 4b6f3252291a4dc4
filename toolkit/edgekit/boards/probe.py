"""Asks a board what it is, in one round trip."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.boards.session import RunnerSession
from edgekit.core.board import BoardFacts
from edgekit.core.errors import RecordError, RunnerFailed
from edgekit.core.record import from_plain


def probe_board(session: RunnerSession, *, site: Sequence[str] = ()) -> BoardFacts:
    """The facts of a board.

    Args:
        session: the runner there.
        site: folders on the board with unpacked engine wheels, to be named among the engines.

    Raises:
        RunnerFailed: the answer does not have the form of :class:`BoardFacts`.
    """
    request = {"home": session.transport.home, "site": list(site)}
    event = session.one("probe", request, "facts")
    try:
        return from_plain(BoardFacts, event.get("facts"), where="probe")
    except RecordError as err:
        raise RunnerFailed(f"the probe's answer is not understood: {err.message}") from err
