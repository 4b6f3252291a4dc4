"""Percentiles with exact intervals, also where samples depend on their neighbours. Pure.

Board and host share this file: the board stops a run by the very intervals that the host reports.
A percentile gets a rank-based (binomial) interval over as many independent samples as the series
is worth *for that percentile*: the autocorrelation of "is this sample at most the percentile?".

Source: Hoefler & Belli, "Scientific benchmarking of parallel computing systems", SC'15 (ranks);
Vehtari et al., "Rank-normalization, folding, and localization", Bayesian Analysis 16(2), 2021,
section 4.3 (effective count of a quantile by its indicator); Geyer, "Practical Markov chain Monte
Carlo", Statistical Science 7(4), 1992 (initial monotone sequence).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple, Optional, Sequence, Tuple

CONFIDENCE = 0.95
EXACT_BELOW = 2000
"""Samples up to which ranks come from the binomial itself; above, its normal limit is as good."""
MAX_LAG = 2000
"""Samples that remember longer than this are worth next to nothing, and are called drifting."""
_BIT_COUNT = getattr(int, "bit_count", None)


class Bounds(NamedTuple):
    """A percentile with its two-sided interval."""

    value: float
    low: float
    high: float


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


def minimum_count(q: float, confidence: float = CONFIDENCE) -> int:
    """Smallest number of independent samples that bounds the q-quantile on both sides.

    Example:
        >>> minimum_count(0.5), minimum_count(0.95), minimum_count(0.99)
        (6, 72, 368)
    """
    tail = (1 - confidence) / 2
    worst = max(q, 1 - q)
    return math.ceil(math.log(tail) / math.log(worst))


def rank_interval(
    count: float, q: float, confidence: float = CONFIDENCE
) -> Optional[Tuple[float, float]]:
    """Quantile positions 0..1 between which the q-quantile lies, or None when n is too small."""
    n = math.floor(count)
    tail = (1 - confidence) / 2
    if n < 1:
        return None
    # the extreme samples must bound the quantile: P(all above) and P(all below) stay in the tail
    if (1 - q) ** n > tail or q**n > tail:
        return None
    if n > EXACT_BELOW:
        spread = NormalDist().inv_cdf(1 - tail) * math.sqrt(n * q * (1 - q))
        low, high = math.floor(n * q - spread), math.ceil(n * q + spread) + 1
    else:
        low, high = _binomial_ranks(n, q, tail)
    return max(low, 1) / n, min(high, n) / n


def _binomial_ranks(n: int, q: float, tail: float) -> Tuple[int, int]:
    """Ranks l and u with P(B < l) <= tail and P(B >= u) <= tail, B ~ Binomial(n, q)."""
    total, low, high = 0.0, 0, n
    for k in range(n + 1):
        total += binomial_term(n, k, q)
        if total <= tail:
            low = k + 1
        if total >= 1 - tail:
            high = k + 1
            break
    return low, high


def binomial_term(n: int, k: int, q: float) -> float:
    """P(B = k) for B ~ Binomial(n, q), 0 < q < 1."""
    return math.exp(
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(q)
        + (n - k) * math.log1p(-q)
    )


def bounds(
    values: Sequence[float], q: float, *, ordered: Optional[Sequence[float]] = None
) -> Optional[Bounds]:
    """The q-quantile of a series with its interval, or None when the samples cannot bound it.

    Args:
        values: in the order in which they were measured.
        q: which quantile, 0..1 exclusive.
        ordered: the same values ascending, where the caller has them.
    """
    ascending = sorted(values) if ordered is None else ordered
    count = len(ascending)
    interval = rank_interval(independent_count(values, q, ordered=ascending), q)
    if interval is None and q == 0.5 and count >= minimum_count(q):
        interval = (0.0, 1.0)  # samples that drift along bound the middle by all they have seen
    if interval is None:
        return None
    low = ascending[max(math.floor(interval[0] * count) - 1, 0)]
    high = ascending[min(math.ceil(interval[1] * count) - 1, count - 1)]
    value = percentile(ascending, q)
    return Bounds(value, min(low, value), max(high, value))


def independent_count(
    values: Sequence[float], q: float = 0.5, *, ordered: Optional[Sequence[float]] = None
) -> float:
    """Independent samples that would tell as much about the q-quantile, 1..n.

    Cost: about 20 ms for 100,000 values, since lagged products of 0/1 series are bit operations.
    """
    count = len(values)
    if count < 4:
        return float(count)
    threshold = percentile(sorted(values) if ordered is None else ordered, q)
    bits = int("".join(["1" if value <= threshold else "0" for value in values]), 2)
    return max(1.0, count / max(1.0, _correlation_time(bits, count)))


def _correlation_time(bits: int, count: int) -> float:
    """1 + 2 (sum of autocorrelations) of a series of 0 and 1, by Geyer's monotone sequence."""
    ones = _ones(bits)
    share = ones / count
    variance = share * (1 - share)
    if variance == 0:
        return 1.0
    total, smallest = -1.0, math.inf
    for lag in range(0, min(count // 2, MAX_LAG), 2):
        pair = _correlation(bits, count, ones, lag) + _correlation(bits, count, ones, lag + 1)
        if pair <= 0:
            break
        smallest = min(smallest, pair)
        total += 2 * smallest
    return total


def _correlation(bits: int, count: int, ones: int, lag: int) -> float:
    share = ones / count
    both = _ones(bits & (bits >> lag))
    first = ones - _ones(bits & ((1 << lag) - 1))
    second = ones - _ones(bits >> (count - lag))
    covariance = both - share * (first + second) + (count - lag) * share * share
    return covariance / (count * share * (1 - share))


def _ones(bits: int) -> int:
    """Bits that are set; Python 3.10 counts them forty times as fast as 3.8 can."""
    return int(_BIT_COUNT(bits)) if _BIT_COUNT else bin(bits).count("1")
