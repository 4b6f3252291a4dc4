"""What services do from one look to the next: rate and percentiles out of their counters. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.boards.services import ServiceState

Buckets = Sequence[tuple[float, int]]
"""Upper bound in seconds and how many inferences took at most that; the last bound is infinite."""


@dataclass(frozen=True)
class WatchRow:
    """One application of one board, as of the last look."""

    board: str
    app: str = ""
    release: str = ""
    state: str = ""
    """As systemd calls it; empty when the board could not be asked."""
    rate_hz: float | None = None
    """Answers per second since the look before; None at the first look."""
    p50_ms: float | None = None
    p95_ms: float | None = None
    """Of the inferences since the look before; None where there were none."""
    temperature_c: float | None = None
    is_throttled: bool | None = None
    """None where the board does not tell."""
    failures: int = 0
    """Since the service started."""
    last_error: str = ""
    """Of the service, or why the board could not be asked."""


def row_of(board: str, before: ServiceState | None, now: ServiceState, spent_s: float) -> WatchRow:
    """The row of one application.

    Args:
        board: its name.
        before: the state at the look before; None at the first.
        now: the state.
        spent_s: between both.
    """
    is_same = before is not None and before.requests <= now.requests  # else it started anew
    old = before.buckets if before is not None and is_same else ()
    new = since(old, now.buckets)
    rate_hz = None
    if before is not None and is_same and spent_s > 0:
        rate_hz = (now.requests - before.requests) / spent_s
    return WatchRow(
        board=board,
        app=now.app,
        release=now.serving,
        state=now.state,
        rate_hz=rate_hz,
        p50_ms=quantile_ms(new, 0.5),
        p95_ms=quantile_ms(new, 0.95),
        temperature_c=now.temperature_c,
        is_throttled=now.is_throttled,
        failures=now.failures,
        last_error=now.last_error,
    )


def since(before: Buckets, now: Buckets) -> Buckets:
    """Counts that were added in between."""
    known = dict(before)
    return [(bound, count - known.get(bound, 0)) for bound, count in now]


def quantile_ms(buckets: Buckets, q: float) -> float | None:
    """A quantile out of a cumulative histogram, linear inside a bucket; None when it is empty.

    Source: Prometheus documentation, histogram_quantile: beyond the last finite bound it is that bound.

    Example:
        >>> quantile_ms([(0.001, 0), (0.002, 10), (float("inf"), 10)], 0.5)
        1.5
    """
    total = buckets[-1][1] if buckets else 0
    if total <= 0:
        return None
    rank = q * total
    low, below = 0.0, 0
    for bound, count in buckets:
        if count >= rank and count > below:
            if bound == float("inf"):
                return low * 1e3
            return (low + (bound - low) * (rank - below) / (count - below)) * 1e3
        low, below = bound, count
    return low * 1e3
