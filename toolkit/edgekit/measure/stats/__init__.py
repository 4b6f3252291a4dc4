"""Statistics of latencies: pure functions of sequences of numbers, standard library only.

quantiles   percentiles with exact intervals, also of dependent samples (shared with the board)
ratio       two runs against each other: difference, ratio, verdict
paired      two sides in turn, round by round
launches    several process launches: both levels of variance
course      how a run went: steady, warming up, drifting, in steps (change points)
periodic    a disturbance that comes back at a fixed period
early stopping (core)  the percentile bound of MLPerf LoadGen

docs/measuring.md explains each; scripts and rooms import from here.
"""

from __future__ import annotations

from edgekit.core.early_stopping import early_stopping_estimate, passing_queries
from edgekit.core.estimate import Estimate, quantile_estimate, summarize
from edgekit.measure.stats.blocks import median
from edgekit.measure.stats.course import Course, Kind, Segment, course_of
from edgekit.measure.stats.launches import Launches, launches_of
from edgekit.measure.stats.paired import paired_difference, paired_ratio
from edgekit.measure.stats.periodic import Period, period_of
from edgekit.measure.stats.ratio import (
    Ratio,
    Verdict,
    difference_of,
    ratio_of,
    ratio_of_runs,
    verdict_of,
)
from edgekit_runner.quantiles import (
    CONFIDENCE,
    independent_count,
    minimum_count,
    percentile,
    rank_interval,
)

__all__ = [
    "CONFIDENCE",
    "Course",
    "Estimate",
    "Kind",
    "Launches",
    "Period",
    "Ratio",
    "Segment",
    "Verdict",
    "course_of",
    "difference_of",
    "early_stopping_estimate",
    "independent_count",
    "launches_of",
    "median",
    "minimum_count",
    "paired_difference",
    "paired_ratio",
    "passing_queries",
    "percentile",
    "period_of",
    "quantile_estimate",
    "rank_interval",
    "ratio_of",
    "ratio_of_runs",
    "summarize",
    "verdict_of",
]
