"""Several process launches: how much they differ beyond what their samples explain. Pure.

One launch fixes where memory lies, which processor it starts on and how files were cached; more
samples of the same launch do not average that out. The interval comes from the launches' own
scatter, which holds both levels of variance.

Source: Kalibera & Jones, "Rigorous benchmarking in reasonable time", ISMM 2013, sections 6-8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.core.estimate import Estimate, quantile_estimate
from edgekit.core.record import Unavailable

Z_95 = 1.96
STUDENT_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Two-sided 95 % quantiles of Student's t for 1..10 degrees of freedom."""


@dataclass(frozen=True)
class Launches:
    """A quantile over several launches."""

    estimate: Estimate
    """Mean of the launches' quantiles; its interval holds both levels."""
    quantiles: tuple[float, ...]
    """Of each launch."""
    between_share: float
    """Standard deviation between launches beyond sampling, relative to the value."""
    within_share: float
    """Standard deviation of one launch's quantile by sampling, relative to the value."""
    advice: str
    """Where further time would help: more launches, or longer ones."""


def launches_of(launches: Sequence[Sequence[float]], q: float = 0.5) -> Launches | Unavailable:
    """The q-quantile over launches; Unavailable with fewer than two, or when one is too short."""
    if len(launches) < 2:
        return Unavailable(f"{len(launches)} process launch shows no scatter; 2 or more would")
    found = []
    for samples in launches:
        estimate = quantile_estimate(samples, q)
        if isinstance(estimate, Unavailable):
            return estimate
        found.append(estimate)
    count = len(found)
    values = [estimate.value for estimate in found]
    mean = math.fsum(values) / count
    total = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    within = math.fsum(((e.high - e.low) / (2 * Z_95)) ** 2 for e in found) / count
    between = max(0.0, total - within)
    half = student_95(count - 1) * math.sqrt(total / count)
    return Launches(
        Estimate(mean, mean - half, mean + half),
        tuple(values),
        math.sqrt(between) / mean if mean else 0.0,
        math.sqrt(within) / mean if mean else 0.0,
        "more launches" if between > within else "longer launches",
    )


def student_95(degrees: int) -> float:
    """Two-sided 95 % quantile of Student's t; above 10 by the series of Cornish and Fisher."""
    if degrees <= len(STUDENT_95):
        return STUDENT_95[degrees - 1]
    z = 1.959964
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
