"""An endpoint under load: what it does at each rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgekit.core.estimate import Estimate
from edgekit.core.record import Record, Unavailable


@dataclass(frozen=True)
class LoadPoint:
    """Requests of one kind at one rate, or so many at any time."""

    payload: str
    rate_per_s: float | None
    """What was asked for; None when requests waited for answers."""
    concurrency: int
    achieved_per_s: float
    """Answers per second."""
    p50_ms: Estimate | Unavailable
    """From the moment at which a request was due."""
    p95_ms: Estimate | Unavailable
    p99_ms: Estimate | Unavailable
    late_p99_ms: float | None
    """How late requests left: the load generator's own lateness, contained in the latency."""
    failed_share: float
    sample_count: int
    up_bytes: float
    """Mean size of a request."""
    trip_id: str


@dataclass(frozen=True)
class LoadSweep(Record):
    """An endpoint at several rates."""

    KIND: ClassVar[str] = "edgekit.load_sweep"

    id: str
    endpoint: str
    model_name: str
    network: str
    """Id of the emulated network; empty when the real one was used."""
    points: tuple[LoadPoint, ...]
    knee_per_s: dict[str, float | Unavailable]
    """By payload: the highest rate that the endpoint takes without its latency running away."""
    measured_utc: str
