"""Two series against each other: difference and ratio of quantiles, and a verdict. Pure.

The interval of a difference is recovered from the intervals of its two sides (MOVER), that of a
ratio from the difference of logarithms. No resampling: 100,000 samples take a moment.

Source: Zou & Donner, "Construction of confidence limits about effect measures", Statistics in
Medicine 27, 2008; Schuirmann, "A comparison of the two one-sided tests procedure", 1987 (TOST);
Kalibera & Jones, "Quantifying performance changes with effect size confidence intervals", 2012.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from edgekit.core.estimate import Estimate, quantile_estimate
from edgekit.core.record import Unavailable
from edgekit.measure.stats.launches import launches_of

MARGIN_SHARE = 0.03
"""Runs nearer than this are equivalent: below it nobody changes a board."""
TOST_WIDTH = 1.6449 / 1.96
"""A 90 % interval against a 95 % one: two one-sided tests at 5 % each."""


class Verdict(StrEnum):
    """The first run against the second; undecided is a legal answer."""

    FASTER = "faster"
    SLOWER = "slower"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Ratio:
    """The first run's quantile divided by the second's."""

    estimate: Estimate
    verdict: Verdict
    margin_share: float


def difference_of(first: Estimate, second: Estimate) -> Estimate:
    """The first minus the second, of independent series."""
    value = first.value - second.value
    low = value - math.hypot(first.value - first.low, second.high - second.value)
    high = value + math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, low, high, first.confidence)


def ratio_of(first: Estimate, second: Estimate) -> Estimate:
    """The first divided by the second, of independent series; all above 0."""
    logs = difference_of(_mapped(first, math.log), _mapped(second, math.log))
    return _mapped(logs, math.exp)


def ratio_of_runs(
    first: Sequence[Sequence[float]],
    second: Sequence[Sequence[float]],
    q: float = 0.5,
    *,
    margin_share: float = MARGIN_SHARE,
) -> Ratio | Unavailable:
    """The first run against the second, each a sequence of process launches.

    With two launches or more on a side their scatter decides; with one, that of the samples, which
    says nothing about how another launch would come out.
    """
    sides = []
    for side in (first, second):
        one = len(side) == 1
        found = quantile_estimate(side[0], q) if one else launches_of(side, q)
        if isinstance(found, Unavailable):
            return found
        sides.append(found if isinstance(found, Estimate) else found.estimate)
    estimate = ratio_of(sides[0], sides[1])
    return Ratio(estimate, verdict_of(estimate, margin_share), margin_share)


def verdict_of(ratio: Estimate, margin_share: float = MARGIN_SHARE) -> Verdict:
    """Equivalent when the 90 % interval lies within the margin, else by the side of 1.

    Example:
        >>> verdict_of(Estimate(0.9, 0.88, 0.92)).value, verdict_of(Estimate(1.0, 0.9, 1.1)).value
        ('faster', 'undecided')
    """
    log, low, high = (math.log(part) for part in (ratio.value, ratio.low, ratio.high))
    inner_low, inner_high = log - (log - low) * TOST_WIDTH, log + (high - log) * TOST_WIDTH
    margin = math.log1p(margin_share)
    if -margin < inner_low and inner_high < margin:
        return Verdict.EQUIVALENT
    if high < 0:
        return Verdict.FASTER
    return Verdict.SLOWER if low > 0 else Verdict.UNDECIDED


def _mapped(estimate: Estimate, function: Callable[[float], float]) -> Estimate:
    low, high = function(estimate.low), function(estimate.high)
    return Estimate(function(estimate.value), low, high, estimate.confidence)
