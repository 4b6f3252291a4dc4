"""What was looked at on a workstation or a board, and what to do about what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from edgekit.core.record import Record


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    """It works, or figures will be worse than they could be."""
    FAIL = "fail"
    """Something of edgekit will not work."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    seen: str
    cure: str = ""
    """The next command, or what to change; empty when nothing has to be done."""


@dataclass(frozen=True)
class Checkup(Record):
    """All checks of one machine."""

    KIND: ClassVar[str] = "edgekit.checkup"

    subject: str
    """host, or the board's name."""
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """Checks that failed."""
        return tuple(check for check in self.checks if check.state is State.FAIL)


def check(name: str, *, is_good: bool, seen: str, cure: str, otherwise: State) -> Check:
    """A check that is in order, or has the cure."""
    return Check(name, State.OK, seen) if is_good else Check(name, otherwise, seen, cure)
