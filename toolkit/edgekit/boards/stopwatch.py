"""Time and progress of a deployment's phases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edgekit.core.units import format_bytes

Progress = Callable[[str], None]


class Meter:
    """Says how far a transfer is, every few seconds."""

    INTERVAL_S = 3.0

    def __init__(self, total_bytes: int, progress: Progress) -> None:
        self.total_bytes = max(total_bytes, 1)
        self.progress = progress
        self.sent_bytes = 0
        self.begin_s = self.said_s = time.monotonic()

    def add(self, size_bytes: int) -> None:
        """Counts bytes that were sent."""
        self.sent_bytes += size_bytes
        now_s = time.monotonic()
        if now_s - self.said_s >= self.INTERVAL_S:
            self.said_s = now_s
            rate = format_bytes(self.sent_bytes / (now_s - self.begin_s))
            self.progress(f"  {self.sent_bytes / self.total_bytes:.0%} at {rate}/s")


class Stopwatch:
    """Wall time of named phases in milliseconds."""

    def __init__(self) -> None:
        self.phases_ms: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Adds the time of the block to a phase."""
        started = time.perf_counter_ns()
        try:
            yield
        finally:
            spent_ms = (time.perf_counter_ns() - started) / 1e6
            self.phases_ms[name] = round(self.phases_ms.get(name, 0.0) + spent_ms, 3)
