"""Statistics of latencies: order statistics, and blocks where samples depend on each other.

Pure functions of sequences of numbers. Percentiles get rank-based (exact binomial) intervals; a
percentile that so few samples cannot bound on both sides is not given at all.

Source: Hoefler & Belli, "Scientific benchmarking of parallel computing systems", SC'15; Kunsch,
"The jackknife and the bootstrap for general stationary observations", 1989.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import NormalDist

from edgekit.core.measurement import Estimate, Summary
from edgekit.core.record import Unavailable
from edgekit.core.units import NS_PER_MS

PERCENTILES = (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999))
CONFIDENCE = 0.95
RESAMPLES = 1000
SEED = 20260101


def percentile(ordered: Sequence[float], q: float) -> float:
    """The q-quantile of ascending values, linear between neighbours.

    Example:
        >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5)
        2.5
    """
    if not ordered:
        raise ValueError("no values")
    position = q * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return percentile(sorted(values), 0.5)


def autocorrelation(values: Sequence[float]) -> float:
    """Correlation of neighbours by rank, -1..1; 0 when nothing varies.

    Ranks keep one outlier from hiding the dependence of all others.
    """
    count = len(values)
    if count < 3:
        return 0.0
    order = sorted(range(count), key=lambda i: values[i])
    ranks = [0.0] * count
    for rank, i in enumerate(order):
        ranks[i] = rank - (count - 1) / 2
    variance = sum(rank * rank for rank in ranks)
    if variance == 0 or len(set(values)) == 1:
        return 0.0
    return sum(a * b for a, b in pairwise(ranks)) / variance


def effective_count(values: Sequence[float]) -> float:
    """Independent samples that tell as much: n (1 - r) / (1 + r) where r is significant."""
    count = len(values)
    r = autocorrelation(values)
    if count < 3 or r <= 1.96 / math.sqrt(count):
        return float(count)
    return max(1.0, count * (1 - r) / (1 + r))


def rank_interval(
    count: float, q: float, confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Quantile positions 0..1 between which the q-quantile lies, or None when n is too small.

    Exact binomial below 2000 samples, normal approximation above.
    """
    n = math.floor(count)
    tail = (1 - confidence) / 2
    if n < 1:
        return None
    # the extreme samples must bound the quantile: P(all above) and P(all below) stay in the tail
    if (1 - q) ** n > tail or q**n > tail:
        return None
    if n > 2000:
        spread = NormalDist().inv_cdf(1 - tail) * math.sqrt(n * q * (1 - q))
        low, high = math.floor(n * q - spread), math.ceil(n * q + spread) + 1
    else:
        low, high = _binomial_ranks(n, q, tail)
    return max(low, 1) / n, min(high, n) / n


def _binomial_ranks(n: int, q: float, tail: float) -> tuple[int, int]:
    """Ranks l and u with P(B < l) <= tail and P(B >= u) <= tail, B ~ Binomial(n, q)."""
    total, low, high = 0.0, 0, n
    for k in range(n + 1):
        term = math.exp(
            math.lgamma(n + 1)
            - math.lgamma(k + 1)
            - math.lgamma(n - k + 1)
            + k * math.log(q)
            + (n - k) * math.log1p(-q)
        )
        total += term
        if total <= tail:
            low = k + 1
        if total >= 1 - tail:
            high = k + 1
            break
    return low, high


def quantile_estimate(values: Sequence[float], q: float) -> Estimate | Unavailable:
    """A percentile with its interval; Unavailable when the samples cannot bound it."""
    effective = effective_count(values)
    interval = rank_interval(effective, q)
    if interval is None and q == 0.5 and len(values) >= minimum_count(q):
        interval = (0.0, 1.0)  # samples that drift along bound the middle by all they have seen
    if interval is None:
        needed = minimum_count(q)
        return Unavailable(f"{effective:.0f} independent samples cannot bound it; {needed} would")
    ordered = sorted(values)
    count = len(ordered)
    low = ordered[max(math.floor(interval[0] * count) - 1, 0)]
    high = ordered[min(math.ceil(interval[1] * count) - 1, count - 1)]
    value = percentile(ordered, q)
    return Estimate(value, min(low, value), max(high, value), CONFIDENCE)


def minimum_count(q: float, confidence: float = CONFIDENCE) -> int:
    """Smallest number of independent samples that bounds the q-quantile on both sides.

    Example:
        >>> minimum_count(0.5), minimum_count(0.95), minimum_count(0.99)
        (6, 72, 368)
    """
    tail = (1 - confidence) / 2
    worst = max(q, 1 - q)
    return math.ceil(math.log(tail) / math.log(worst))


def summarize(samples_ns: Sequence[int]) -> Summary:
    """Percentiles of one phase, in milliseconds."""
    values = [sample / NS_PER_MS for sample in samples_ns]
    return Summary(
        sample_count=len(values),
        mean_ms=math.fsum(values) / len(values),
        min_ms=min(values),
        max_ms=max(values),
        percentiles_ms={name: quantile_estimate(values, q) for name, q in PERCENTILES},
        effective_sample_count=round(effective_count(values), 1),
    )


def compare_quantiles(
    first: Sequence[float],
    second: Sequence[float],
    q: float,
    statistic: Callable[[float, float], float],
) -> Estimate:
    """A statistic of the q-quantiles of two independent series, by moving-block bootstrap.

    Args:
        first: values in the order in which they were measured.
        second: the same of the other side.
        q: which quantile.
        statistic: of both quantiles, such as their difference or ratio.
    """
    generator = random.Random(SEED)  # noqa: S311  no secret
    found = sorted(
        statistic(
            percentile(sorted(_resample(first, generator)), q),
            percentile(sorted(_resample(second, generator)), q),
        )
        for _ in range(RESAMPLES)
    )
    value = statistic(percentile(sorted(first), q), percentile(sorted(second), q))
    tail = (1 - CONFIDENCE) / 2
    low, high = percentile(found, tail), percentile(found, 1 - tail)
    return Estimate(value, min(low, value), max(high, value), CONFIDENCE)


def block_length(count: int) -> int:
    """Length of a block for the bootstrap: 2 n^(1/3).

    Example:
        >>> block_length(1000), block_length(1)
        (20, 1)
    """
    return max(1, min(count, round(2 * math.cbrt(count))))


def _resample(values: Sequence[float], generator: random.Random) -> list[float]:
    count = len(values)
    length = block_length(count)
    drawn: list[float] = []
    while len(drawn) < count:
        begin = generator.randrange(count - length + 1)
        drawn.extend(values[begin : begin + length])
    return drawn[:count]


def trend(values: Sequence[float], blocks: int = 20) -> tuple[float, float]:
    """Drift over the series: relative change from begin to end, and its two-sided p-value.

    Theil-Sen slope and Mann-Kendall test over the medians of equal blocks.

    Source: Sen, 1968; Kendall, "Rank correlation methods", 1975.
    """
    count = min(blocks, len(values) // 5)
    if count < 5:
        return 0.0, 1.0
    size = len(values) // count
    medians = [median(values[i * size : (i + 1) * size]) for i in range(count)]
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
    slope = median([(medians[j] - medians[i]) / (j - i) for i, j in pairs])
    score = sum((medians[j] > medians[i]) - (medians[j] < medians[i]) for i, j in pairs)
    variance = count * (count - 1) * (2 * count + 5) / 18
    z = (score - math.copysign(1, score)) / math.sqrt(variance) if score else 0.0
    middle = median(medians)
    change = slope * (count - 1) / middle if middle else 0.0
    return change, 2 * (1 - NormalDist().cdf(abs(z)))
