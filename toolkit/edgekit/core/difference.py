"""Two runs or two artifacts side by side: what changed, and what of it is more than chance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from edgekit.core.estimate import Estimate
from edgekit.core.record import Record, Unavailable


class Judgement(StrEnum):
    """The second side against the first."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    UNDECIDED = "undecided"
    """More samples or launches would tell."""


@dataclass(frozen=True)
class Change:
    """Something that differs besides the figures."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class FigureChange:
    """A figure of both sides."""

    name: str
    unit: str
    """ms, bytes, points or empty."""
    before: Estimate | Unavailable
    after: Estimate | Unavailable
    ratio: Estimate | Unavailable
    """After divided by before, with its interval where both have one."""
    judgement: Judgement


@dataclass(frozen=True)
class Difference(Record):
    """What lies between two records of the same kind."""

    KIND: ClassVar[str] = "edgekit.difference"

    of: str
    """runs or artifacts."""
    before: str
    after: str
    figures: tuple[FigureChange, ...]
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()
    """Why the two may not be comparable."""

    def figure(self, name: str) -> FigureChange:
        """The figure of that name, which every difference of its kind has."""
        return next(figure for figure in self.figures if figure.name == name)
