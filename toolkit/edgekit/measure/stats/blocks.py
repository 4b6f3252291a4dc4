"""Medians of equal blocks, and how much they vary by chance. Pure.

The noise is taken from differences of neighbours, so that a drift or a step in the series, which
is what the blocks are searched for, does not count as noise.

Source: von Neumann, "Distribution of the ratio of the mean square successive difference to the
variance", 1941; Rousseeuw & Croux, "Alternatives to the median absolute deviation", JASA 88, 1993.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgekit_runner.quantiles import percentile

MOST_BLOCKS = 120
LEAST_SIZE = 5
MAD_TO_SIGMA = 1.4826
"""Median absolute deviation of a normal distribution to its standard deviation."""
LIMIT_SIGMAS = 3.0
MOST_CORRELATION = 0.9
NS_PER_MINUTE = 60e9


@dataclass(frozen=True)
class Blocks:
    """A series in equal blocks."""

    size: int
    """Samples in a block; the last one takes what is left over."""
    medians: tuple[float, ...]
    spread: float
    """Variance of a block median by chance."""
    noise: float
    """The same, as sums over many blocks see it where neighbours depend on each other."""
    minutes: float
    """From the middle of the first block to that of the last; 0 without times."""


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return percentile(sorted(values), 0.5)


def blocks_of(values: Sequence[float], starts_ns: Sequence[int] = ()) -> Blocks:
    """The series in at most 120 blocks, each some correlation lengths long."""
    count = len(values)
    memory = 2 / (1 - _correlation(values))
    size = max(LEAST_SIZE, math.ceil(memory), math.ceil(count / MOST_BLOCKS))
    number = count // size
    medians = tuple(
        median(values[i * size : count if i == number - 1 else (i + 1) * size])
        for i in range(number)
    )
    minutes = 0.0
    if len(starts_ns) == count and number > 1:
        minutes = (starts_ns[(number - 1) * size] - starts_ns[0]) / NS_PER_MINUTE
    rho = _correlation(medians)
    near = _difference_variance(medians, 1)
    spread = near / (2 * (1 - rho))
    return Blocks(size, medians, spread, spread * (1 + rho) / (1 - rho), minutes)


def _correlation(values: Sequence[float]) -> float:
    """Correlation of neighbours, 0..0.9, from differences over one and over two places.

    For a series with correlation r^k at distance k their variances are as 1 : 1 + r.
    """
    near, far = _difference_variance(values, 1), _difference_variance(values, 2)
    if near <= 0:
        return 0.0
    return min(max(far / near - 1, 0.0), MOST_CORRELATION)


def _difference_variance(values: Sequence[float], distance: int) -> float:
    """Variance of x[i + distance] - x[i], robust against a few large ones.

    Differences beyond three deviations count as three (Huber, "Robust statistics", 1981).
    """
    if len(values) <= distance + 1:
        return 0.0
    differences = [b - a for a, b in zip(values, values[distance:], strict=False)]
    slope = median(differences)  # a steep drift is no noise either
    distances = [abs(difference - slope) for difference in differences]
    limit = LIMIT_SIGMAS * MAD_TO_SIGMA * median(distances)
    squares = [min(found, limit) ** 2 for found in distances]
    return math.fsum(squares) / len(squares)
