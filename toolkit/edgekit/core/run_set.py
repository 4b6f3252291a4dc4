"""A set of runs made to be compared: combinations of settings, each in several launches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgekit.core.estimate import Estimate
from edgekit.core.measurement import RunOptions, Stamp, ValidityNote, stamp_of
from edgekit.core.record import Record, Unavailable

NOT_ACROSS = Unavailable("one process launch shows no scatter")


@dataclass(frozen=True)
class Launch:
    """One process on the board."""

    measurement: str
    """Id of its record."""
    order: int
    """Place in the order in which the launches were made, from 0."""
    p50_ms: float
    p95_ms: float | None
    """None where the samples do not bound it."""
    throughput_hz: float | None
    doubt: ValidityNote | None = None
    """The worst note that makes it doubtful or invalid."""


@dataclass(frozen=True)
class Across:
    """What several launches say together."""

    p50_ms: Estimate
    """Mean of the launches' medians; its interval holds the scatter between launches too."""
    between_share: float
    """Standard deviation between launches beyond sampling, relative to the value."""
    within_share: float
    """Standard deviation of one launch's median by sampling, relative to the value."""
    advice: str
    """Where further time would help: more launches, or longer ones."""


@dataclass(frozen=True)
class Cell:
    """One combination of settings."""

    options: RunOptions
    launches: tuple[Launch, ...]
    across: Across | Unavailable = NOT_ACROSS

    @property
    def p50_ms(self) -> float:
        """Median over the launches of their medians."""
        ordered = sorted(launch.p50_ms for launch in self.launches)
        middle = len(ordered) // 2
        if len(ordered) % 2:
            return ordered[middle]
        return (ordered[middle - 1] + ordered[middle]) / 2

    @property
    def spread(self) -> float:
        """Largest distance between two launches' medians, as a share of the cell's."""
        values = [launch.p50_ms for launch in self.launches]
        return (max(values) - min(values)) / self.p50_ms if self.p50_ms else 0.0


@dataclass(frozen=True)
class RunSet(Record):
    """Runs of one artifact on one board, interleaved in random order."""

    KIND: ClassVar[str] = "edgekit.run_set"

    board: str
    artifact: str
    machine: str
    seed: int
    """Of the order."""
    cells: tuple[Cell, ...]
    measured_utc: str

    @property
    def doubts(self) -> tuple[ValidityNote, ...]:
        """What makes launches doubtful or invalid."""
        launches = (launch for cell in self.cells for launch in cell.launches)
        return tuple(launch.doubt for launch in launches if launch.doubt)

    @property
    def stamp(self) -> Stamp:
        """The worst launch decides."""
        return stamp_of(self.doubts)
