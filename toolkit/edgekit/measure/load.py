"""Drives an endpoint at several rates and finds the one beyond which latency runs away."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgekit.core.errors import EndpointFailed
from edgekit.core.estimate import Estimate
from edgekit.core.load import LoadPoint, LoadSweep
from edgekit.core.network import CloudTrip, OpenLoad
from edgekit.core.record import Unavailable
from edgekit.core.units import NS_PER_MS
from edgekit.measure.stats import percentile, quantile_estimate
from edgekit.measure.trips import TripRequest, measure_trips

KNEE_FACTOR = 2.0
"""A rate is taken while p95 stays below this many times that of the lowest rate."""
KNEE_FAILED_SHARE = 0.01
KNEE_ACHIEVED_SHARE = 0.95


@dataclass(frozen=True)
class LoadPlan:
    """What to try."""

    payloads: tuple[str, ...]
    rates_per_s: tuple[float, ...] = ()
    concurrencies: tuple[int, ...] = ()
    arrivals: str = "poisson"
    seconds: float = 5.0
    """Per point."""
    connections: int = 32
    """At a rate: so many requests can be on their way."""


def sweep(
    request: TripRequest, plan: LoadPlan, *, progress: Callable[[str], None] = lambda message: None
) -> tuple[LoadSweep, tuple[CloudTrip, ...]]:
    """Every payload at every rate, lowest first; a rate that nothing survives ends its row.

    Raises:
        EndpointFailed: the endpoint does not answer at all.
    """
    points: list[LoadPoint] = []
    trips: list[CloudTrip] = []
    for payload in plan.payloads:
        for variant in _variants(request, plan, payload):
            try:
                trip = measure_trips(variant, progress=progress)[0]
            except EndpointFailed as err:
                if not any(point.payload == payload for point in points):
                    raise
                progress(f"{payload}: stopped, {err.message}")
                break
            trips.append(trip)
            points.append(point_of(trip, plan.seconds))
            progress(describe(points[-1]))
    first = trips[0]
    result = LoadSweep(
        id=f"load-{secrets.token_hex(4)}",
        endpoint=request.endpoint,
        model_name=first.model_name,
        network=first.network.id if first.network else "",
        points=tuple(points),
        knee_per_s={
            payload: knee([p for p in points if p.payload == payload]) for payload in plan.payloads
        },
        measured_utc=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
    return result, tuple(trips)


def point_of(trip: CloudTrip, seconds: float) -> LoadPoint:
    """The figures of one point."""
    total = [value / NS_PER_MS for value in trip.samples_ns["total"]]
    late = trip.samples_ns.get("late")
    count = len(total) + len(trip.failures)
    ends = [s + t for s, t in zip(trip.starts_ns, trip.samples_ns["total"], strict=True)]
    lasted_s = max((max(ends) - trip.starts_ns[0]) / 1e9, seconds if trip.load else 1e-9)
    return LoadPoint(
        payload=trip.model["payload"],
        rate_per_s=trip.load.rate_per_s if trip.load else None,
        concurrency=trip.concurrency,
        achieved_per_s=len(total) / lasted_s,
        p50_ms=quantile_estimate(total, 0.5),
        p95_ms=quantile_estimate(total, 0.95),
        p99_ms=quantile_estimate(total, 0.99),
        late_p99_ms=percentile(sorted(late), 0.99) / NS_PER_MS if late else None,
        failed_share=len(trip.failures) / count,
        sample_count=len(total),
        up_bytes=sum(trip.up_bytes) / len(trip.up_bytes),
        trip_id=trip.id,
    )


def knee(points: Sequence[LoadPoint]) -> float | Unavailable:
    """The highest rate, of those tried, that the endpoint takes.

    It answers nearly all requests, as fast as they come, with a p95 below twice that of the lowest
    rate.
    """
    rated = [point for point in points if point.rate_per_s is not None]
    if len(rated) < 2:
        return Unavailable("fewer than two rates were tried")
    base = rated[0].p95_ms
    if not isinstance(base, Estimate):
        return Unavailable(f"p95 at {rated[0].rate_per_s:g}/s is not known: {base.reason}")
    best: float | None = None
    for point in rated:
        assert point.rate_per_s is not None
        offered = point.achieved_per_s / point.rate_per_s / max(1 - point.failed_share, 1e-9)
        is_taken = (
            isinstance(point.p95_ms, Estimate)
            and point.p95_ms.value <= KNEE_FACTOR * base.value
            and point.failed_share <= KNEE_FAILED_SHARE
            and offered >= KNEE_ACHIEVED_SHARE * _expected_share(point)
        )
        if not is_taken:
            break
        best = point.rate_per_s
    return best if best is not None else Unavailable("the lowest rate is beyond it already")


def _expected_share(point: LoadPoint) -> float:
    """Poisson arrivals come fewer or more than asked for, by about the root of their number."""
    count = max(point.sample_count, 1)
    return max(1 - 2 / float(count**0.5), 0.0)


def describe(point: LoadPoint) -> str:
    """One line about a point."""
    what = (
        f"{point.rate_per_s:g}/s"
        if point.rate_per_s is not None
        else f"{point.concurrency} at a time"
    )
    p50 = point.p50_ms
    shown = f"p50 {p50.value:.3g} ms" if isinstance(p50, Estimate) else "too few samples"
    failed = f", {point.failed_share:.1%} failed" if point.failed_share else ""
    return f"{point.payload} at {what}: {point.achieved_per_s:.1f}/s answered, {shown}{failed}"


def _variants(request: TripRequest, plan: LoadPlan, payload: str) -> list[TripRequest]:
    base = dataclasses.replace(request, payload=payload)
    rated = [
        dataclasses.replace(
            base, load=OpenLoad(rate, plan.arrivals, plan.seconds, plan.connections)
        )
        for rate in sorted(plan.rates_per_s)
    ]
    closed = [
        dataclasses.replace(
            base, concurrency=number, runs=1_000_000, max_duration_s=plan.seconds, load=None
        )
        for number in sorted(plan.concurrencies)
    ]
    return rated + closed
