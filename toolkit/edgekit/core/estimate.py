"""Percentiles with intervals as nouns, and how samples become them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgekit.core.record import Unavailable
from edgekit.core.units import NS_PER_MS
from edgekit_runner.quantiles import CONFIDENCE, bounds, independent_count, minimum_count

PERCENTILES = (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999))


@dataclass(frozen=True)
class Estimate:
    """A statistic with its two-sided confidence interval."""

    value: float
    low: float
    high: float
    confidence: float = 0.95


@dataclass(frozen=True)
class Summary:
    """Percentiles of one phase, in milliseconds; those that n does not allow are Unavailable."""

    sample_count: int
    mean_ms: float
    min_ms: float
    max_ms: float
    percentiles_ms: Mapping[str, Estimate | Unavailable]
    """Keys p50, p90, p95, p99, p99.9."""
    effective_sample_count: float
    """Samples left after autocorrelation is accounted for."""


def quantile_estimate(
    values: Sequence[float], q: float, *, ordered: Sequence[float] | None = None
) -> Estimate | Unavailable:
    """A percentile with its interval; Unavailable when the samples cannot bound it.

    Args:
        values: in the order in which they were measured.
        q: which quantile, 0..1 exclusive.
        ordered: the same values ascending, where the caller has them.
    """
    found = bounds(values, q, ordered=ordered)
    if found is None:
        independent = independent_count(values, q, ordered=ordered)
        return Unavailable(
            f"{independent:.0f} independent samples cannot bound it; {minimum_count(q)} would"
        )
    return Estimate(found.value, found.low, found.high, CONFIDENCE)


def summarize(samples_ns: Sequence[int]) -> Summary:
    """Percentiles of one phase, in milliseconds."""
    values = [sample / NS_PER_MS for sample in samples_ns]
    ordered = sorted(values)
    return Summary(
        sample_count=len(values),
        mean_ms=math.fsum(values) / len(values),
        min_ms=ordered[0],
        max_ms=ordered[-1],
        percentiles_ms={
            name: quantile_estimate(values, q, ordered=ordered) for name, q in PERCENTILES
        },
        effective_sample_count=round(independent_count(values, 0.5, ordered=ordered), 1),
    )
