"""Where an inference spends its time, operation by operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from edgekit.core.mode import Mode
from edgekit.core.record import Record


@dataclass(frozen=True)
class OperationTime:
    """One operation of the graph as the engine runs it, after fusion."""

    name: str
    type: str
    where: str
    """Kernel, provider or delegate."""
    time_ms: float
    """Scaled to the inference without a profiler."""
    share: float
    """Of the whole inference, 0..1."""


@dataclass(frozen=True)
class OperationProfile(Record):
    """A profile, from a run of its own, scaled to the time without the profiler.

    The operations' shares and ``outside_ms`` add up to the whole.
    """

    KIND: ClassVar[str] = "edgekit.operation_profile"

    id: str
    board: str
    machine: str
    mode: Mode
    engine: str
    engine_version: str
    threads: int
    batch: int
    model: Mapping[str, str]
    method: str
    """How the times were had."""
    unprofiled_ms: float
    """Median of one inference without the profiler."""
    profiled_ms: float
    """Mean of one inference with it."""
    operations: tuple[OperationTime, ...]
    """In the order of execution."""
    outside_ms: float
    """In the inference but in no operation: copies, scheduling, the engine's own work."""
    measured_utc: str

    @property
    def inflation(self) -> float:
        """How many times longer an inference takes under the profiler."""
        return self.profiled_ms / self.unprofiled_ms if self.unprofiled_ms else 1.0

    def by_type(self) -> tuple[tuple[str, int, float, float], ...]:
        """Type, count, milliseconds and share, the longest first."""
        found: dict[str, list[OperationTime]] = {}
        for operation in self.operations:
            found.setdefault(operation.type, []).append(operation)
        rows = [
            (name, len(all_of), sum(o.time_ms for o in all_of), sum(o.share for o in all_of))
            for name, all_of in found.items()
        ]
        return tuple(sorted(rows, key=lambda row: -row[2]))
