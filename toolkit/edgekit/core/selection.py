"""Candidates of a conversion, measured on one board, and the one that is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgekit.core.estimate import Estimate
from edgekit.core.mode import Mode
from edgekit.core.record import Record, Unavailable

NOT_MEASURED = Unavailable("it was not measured")


@dataclass(frozen=True)
class Candidate:
    """An engine with a recipe."""

    engine: str
    recipe: str
    size_bytes: int | Unavailable
    drop_points: float | None = None
    """Loss of accuracy on labelled data; None without."""
    agreement: float | None = None
    """Share of samples with the original's arg-max, 0..1; None when no output looks like scores."""
    missed: str = ""
    """Which budget it misses, and by what; empty when it keeps all."""
    p50_ms: Estimate | Unavailable = NOT_MEASURED
    """End to end on the board, over all rounds."""
    rounds_ms: tuple[float, ...] = ()
    """Median of each round."""
    measurements: tuple[str, ...] = ()
    """Ids of the measurements' records."""
    is_pareto: bool = False
    """No other candidate is at least as good in size, latency and accuracy, and better in one."""

    @property
    def name(self) -> str:
        """How it is called."""
        return f"{self.engine} {self.recipe}"


@dataclass(frozen=True)
class Selection(Record):
    """What was tried on a board, and what was kept."""

    KIND: ClassVar[str] = "edgekit.selection"

    model_name: str
    profile: str
    board: str
    machine: str
    mode: Mode
    candidates: tuple[Candidate, ...]
    winner: str
    """Name of a candidate; empty when none keeps the budget."""
    notes: tuple[str, ...] = ()
    """What a person must know, first of all where int8 does not pay."""
