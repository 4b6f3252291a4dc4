"""What a model would take on a board that was not asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgekit.core.estimate import Estimate
from edgekit.core.mode import Mode
from edgekit.core.record import Record, Unavailable


@dataclass(frozen=True)
class Prediction(Record):
    """The latency of one inference, derived; never a measurement."""

    KIND: ClassVar[str] = "edgekit.prediction"

    model_name: str
    profile: str
    recipe: str
    precision: str
    threads: int
    latency_ms: Estimate
    """Middle and 90 % interval for a model that was not among the known ones."""
    floor_ms: float
    roof: str
    """Peak and bandwidth, and where they come from."""
    known: tuple[str, ...]
    """Models with the factor between their floor and their latency, from which this was learnt."""
    is_own: bool
    """True when the person's own measurements on that board type were learnt from."""
    held_out_error: float | Unavailable
    """Median relative error over the known ones, each predicted from the others."""
    mode: Mode = Mode.PREDICTED
