"""Asks a board for everything that a deployment has to know, in one round trip."""

from __future__ import annotations

import json
from dataclasses import dataclass

from edgekit.boards.deploy_plan import Active, Ground
from edgekit.boards.session import RunnerSession
from edgekit.core.board import BoardFacts
from edgekit.core.errors import RecordError, RunnerFailed
from edgekit.core.record import from_plain
from edgekit_runner import wire


@dataclass(frozen=True)
class Survey:
    """The board before a deployment."""

    facts: BoardFacts
    ground: Ground
    active: Active

    @property
    def active_content(self) -> str:
        """Content id of the active release; empty when there is none."""
        if not self.active.manifest:
            return ""
        return wire.content_id(json.loads(self.active.manifest))


def survey_board(session: RunnerSession, app: str) -> Survey:
    """The facts of a board, what the installer will stand on, and what is active.

    Raises:
        RunnerFailed: the answer is not understood.
        BoardError: the board was lost.
    """
    events = session.start("survey", {"home": session.transport.home, "app": app})
    found = {str(event.pop("event")): event for event in events}
    try:
        return Survey(
            from_plain(BoardFacts, found.get("facts", {}).get("facts"), where="facts"),
            from_plain(Ground, found.get("ground"), where="ground"),
            from_plain(Active, found.get("active"), where="active"),
        )
    except RecordError as err:
        raise RunnerFailed(f"the board's answer is not understood: {err.message}") from err
