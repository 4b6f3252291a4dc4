"""A rollout over many boards: what was asked for, what became of each board."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from edgekit.core.record import Record


class BoardState(StrEnum):
    """What became of a board."""

    WAITING = "waiting"
    STARTED = "started"
    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Never contacted, because the rollout stopped before its turn."""


FINISHED = frozenset({BoardState.DONE, BoardState.UNCHANGED, BoardState.FAILED})
GOOD = frozenset({BoardState.DONE, BoardState.UNCHANGED})


@dataclass(frozen=True)
class Amount:
    """A number of boards, or a share of them."""

    count: int = 0
    percent: float | None = None

    def of(self, total: int) -> int:
        """The number among so many, rounded down, at least one for a share above 0 %.

        Example:
            >>> Amount(percent=10).of(25)
            2
        """
        if self.percent is None:
            return min(self.count, total)
        return min(max(int(total * self.percent / 100), 1 if self.percent else 0), total)

    def allowed(self, total: int) -> int:
        """The number that may fail among so many, rounded down: 2 % of 25 boards is none."""
        return self.count if self.percent is None else int(total * self.percent / 100)

    def __str__(self) -> str:
        return str(self.count) if self.percent is None else f"{self.percent:g}%"


@dataclass(frozen=True)
class RolloutPolicy:
    """How a rollout goes on."""

    canary: Amount = Amount(1)
    """Boards of the first wave; one failure among them ends the rollout."""
    wave: Amount = Amount(percent=25)
    """Boards of each later wave."""
    max_fail: Amount = Amount(0)
    """The rollout stops when more of all its boards have failed."""
    threads: int = 32
    """Boards that are worked on at the same time."""
    soak_s: float = 0.0
    """Time that a wave has to stay healthy before the next begins; 0: no second look."""


@dataclass(frozen=True)
class BoardRow:
    """One board of a rollout."""

    board: str
    wave: int
    """From 0; the canaries are wave 0."""
    state: BoardState
    message: str = ""
    """What is happening, or what went wrong."""
    hint: str = ""
    release: str = ""
    sent_bytes: int = 0
    took_s: float = 0.0


@dataclass(frozen=True)
class FleetReport(Record):
    """The outcome of a rollout."""

    KIND: ClassVar[str] = "edgekit.fleet_report"

    plan: str
    """Id of what was asked for: artifact, boards and policy."""
    app: str
    policy: RolloutPolicy
    rows: tuple[BoardRow, ...]
    stopped: str
    """Why it ended early; empty when every board had its turn."""
    took_s: float
    resumed: int
    """Boards that an earlier, interrupted run had finished."""

    def count(self, *states: BoardState) -> int:
        """Boards in any of the states."""
        return sum(row.state in states for row in self.rows)

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the boards to try again: failed ones, and those that had no turn."""
        return tuple(row.board for row in self.rows if row.state not in GOOD)
