"""Two sides measured in turn, round by round: the interval of their difference. Pure.

What drifts over minutes (heat, other tenants, a busy network) falls on both halves of a round
alike and cancels in their difference. The interval comes from the scatter between rounds, so it
holds everything that differs from one round to the next, not only the samples of one.

Source: Student, "The probable error of a mean", 1908 (paired differences); Bulej et al., "Duet
benchmarking", ICPE 2020 (why pairs are more exact than two series).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgekit.core.estimate import Estimate
from edgekit.core.record import Unavailable
from edgekit.measure.stats.launches import student_95

FEWEST_ROUNDS = 3
"""Two rounds have an interval of 12.7 standard errors: nothing could be decided."""


def paired_difference(first: Sequence[float], second: Sequence[float]) -> Estimate | Unavailable:
    """Mean of the rounds' differences, first minus second; Unavailable below three rounds.

    Example:
        >>> found = paired_difference([3.0, 13.0, 23.0], [1.0, 11.0, 21.0])
        >>> (found.value, found.low, found.high)
        (2.0, 2.0, 2.0)
    """
    return _mean([a - b for a, b in zip(first, second, strict=True)])


def paired_ratio(first: Sequence[float], second: Sequence[float]) -> Estimate | Unavailable:
    """Geometric mean of the rounds' ratios, first divided by second; all above 0."""
    logs = _mean([math.log(a / b) for a, b in zip(first, second, strict=True)])
    if isinstance(logs, Unavailable):
        return logs
    return Estimate(math.exp(logs.value), math.exp(logs.low), math.exp(logs.high))


def _mean(values: Sequence[float]) -> Estimate | Unavailable:
    count = len(values)
    if count < FEWEST_ROUNDS:
        return Unavailable(f"{count} rounds cannot bound it; {FEWEST_ROUNDS} would")
    mean = math.fsum(values) / count
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    half = student_95(count - 1) * math.sqrt(variance / count)
    return Estimate(mean, mean - half, mean + half)
