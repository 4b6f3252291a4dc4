"""The percentile bound of MLPerf LoadGen's early stopping. Pure.

Source: MLCommons inference rules, section "Early stopping", and loadgen/early_stopping.cc: with
tolerance d = 0 and confidence c = 0.99.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.core.record import Unavailable
from edgekit_runner.quantiles import binomial_term

CONFIDENCE_99 = 0.99


def passing_queries(over: int, q: float, confidence: float = CONFIDENCE_99) -> int:
    """Fewest queries below the bound that allow ``over`` above it.

    Example:
        >>> [passing_queries(1, q) + 1 for q in (0.9, 0.95, 0.99)]
        [64, 130, 662]
    """
    low, high = 0, 1
    while not _suffices(high, over, q, confidence):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if _suffices(middle, over, q, confidence):
            high = middle
        else:
            low = middle
    return high


def early_stopping_estimate(values: Sequence[float], q: float) -> float | Unavailable:
    """A one-sided 99 % upper bound of the q-quantile: the largest left when t - 1 are discarded.

    Needs 64 samples for p90, 130 for p95, 662 for p99.
    """
    count = len(values)
    over, too_many = 0, count + 1
    while too_many - over > 1:
        middle = (over + too_many) // 2
        if _suffices(count - middle, middle, q, CONFIDENCE_99):
            over = middle
        else:
            too_many = middle
    if over == 0:
        return Unavailable(f"{count} queries do not bound it; {passing_queries(1, q) + 1} would")
    return sorted(values)[count - over]


def _suffices(passing: int, over: int, q: float, confidence: float) -> bool:
    """Were the bound below the q-quantile, would so few above it be improbable?"""
    count = passing + over
    return sum(binomial_term(count, k, 1 - q) for k in range(over + 1)) <= 1 - confidence
