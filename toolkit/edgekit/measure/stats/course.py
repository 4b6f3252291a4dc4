"""How a run went: steady, warming up, drifting, or in steps. Change points over block medians.

Three descriptions of the block medians compete by an information criterion: one level, a straight
line, and several levels with sudden changes (PELT). The cheapest that explains them wins, so a slow
drift is not reported as a stair and a sudden throttle not as a drift.

Source: Killick, Fearnhead & Eckley, "Optimal detection of changepoints with a linear computational
cost", JASA 107, 2012 (PELT); Barrett et al., "Virtual machine warmup blows hot and cold", OOPSLA
2017 (classes; a steady level may never come); Sen, JASA 63, 1968 and Kendall, "Rank correlation
methods", 1975 (slope and trend test).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, pairwise
from statistics import NormalDist

from edgekit.measure.stats.blocks import Blocks, blocks_of, median

PENALTY = 3.0
"""Times log(blocks) times the noise: price of a change (its place and its level). Of 1,000 steady
series, independent or AR(1) 0.8, it lets fewer than 5 % seem to change (tests/measure)."""
LINE_PRICE = 8.0
"""Times the noise: price of a slope; a chance of 0.5 % by the chi-square distribution."""
SHORTEST = 3
"""Blocks of a level: one odd block is an outlier, not a change."""
STEADY_SHARE = 0.5
"""Of the run that the last level must cover to be called steady. Source: facts of Barrett et al.:
over half of the benchmarks never settle, so a settled end has to be shown."""
TREND_P_VALUE = 0.01
SAME_SHARE = 0.01
"""Levels nearer than this are one: nobody acts on 1 %."""


class Kind(StrEnum):
    """The shape of a run."""

    STEADY = "steady"
    WARM_UP = "warm-up"
    """Slower at first, then one level for at least half of the run."""
    DRIFT = "drift"
    """A slow change from begin to end."""
    STEP_UP = "step-up"
    """Suddenly slower, as when a board throttles."""
    STEP_DOWN = "step-down"
    """Suddenly faster, later than a warm-up would be."""
    UNSTEADY = "unsteady"
    """Several levels up and down."""


@dataclass(frozen=True)
class Segment:
    """A stretch of the run on one level."""

    begin: int
    """First sample."""
    end: int
    """After the last sample."""
    level: float


@dataclass(frozen=True)
class Course:
    """The shape of a run with its size."""

    kind: Kind
    change: float
    """From the first level to the last, relative to the median; 0 for a steady run."""
    per_minute: float
    """Theil-Sen slope, relative to the median, per minute; 0 without times or drift."""
    p_value: float
    """Of the trend test, two-sided, corrected for dependence."""
    segments: tuple[Segment, ...]

    @property
    def steady_from(self) -> int | None:
        """First sample of the last level when it covers half of the run or more, else None."""
        last = self.segments[-1]
        long_enough = last.end - last.begin >= STEADY_SHARE * last.end
        return last.begin if long_enough and self.kind is not Kind.DRIFT else None


def course_of(values: Sequence[float], starts_ns: Sequence[int] = ()) -> Course:
    """The shape of a series.

    Args:
        values: in the order in which they were measured, any unit, above 0.
        starts_ns: start of each sample, for the drift per minute.
    """
    blocks = blocks_of(values, starts_ns)
    heights = blocks.medians
    middle = median(heights) if heights else 0.0
    whole = (Segment(0, len(values), middle),)
    if len(heights) < 2 * SHORTEST or middle <= 0 or blocks.noise <= 0:
        return _without_noise(values, blocks, whole)
    slope, p_value = trend(heights, blocks.noise, blocks.spread)
    price = PENALTY * math.log(len(heights)) * blocks.noise
    cuts = change_points(heights, price)
    stairs = _stairs_cost(heights, cuts) + price * len(cuts)
    level = _stairs_cost(heights, ())
    line = _line_cost(heights) + LINE_PRICE * blocks.noise
    if line < min(level, stairs) and p_value < TREND_P_VALUE:
        change = slope * (len(heights) - 1) / middle
        per_minute = change / blocks.minutes if blocks.minutes > 0 else 0.0
        return Course(Kind.DRIFT, change, per_minute, p_value, whole)
    if not cuts or level <= stairs:
        return Course(Kind.STEADY, 0.0, 0.0, p_value, whole)
    return _in_steps(_segments(blocks, cuts, len(values)), middle, p_value)


def change_points(heights: Sequence[float], price: float) -> tuple[int, ...]:
    """Where the level changes: the cuts of least squared error plus ``price`` each (PELT)."""
    count = len(heights)
    sums = [0.0, *accumulate(heights)]
    squares = [0.0, *accumulate(h * h for h in heights)]

    def cost(begin: int, end: int) -> float:
        total = sums[end] - sums[begin]
        return squares[end] - squares[begin] - total * total / (end - begin)

    best = [-price] + [math.inf] * count
    before = [0] * (count + 1)
    candidates = [0]
    for end in range(SHORTEST, count + 1):
        if end - SHORTEST >= SHORTEST:
            candidates.append(end - SHORTEST)
        costs = [(best[begin] + cost(begin, end), begin) for begin in candidates]
        least, before[end] = min(costs)
        best[end] = least + price
        candidates = [begin for value, begin in costs if value <= best[end]]
    cuts = []
    place = before[count]
    while place > 0:
        cuts.append(place)
        place = before[place]
    return tuple(reversed(cuts))


def trend(heights: Sequence[float], noise: float, spread: float) -> tuple[float, float]:
    """Theil-Sen slope per block and two-sided Mann-Kendall p-value.

    Args:
        heights: at least three block medians.
        noise: their variance as a sum sees it (long-run).
        spread: their variance as neighbours see it; the test is widened by the ratio of both.
    """
    count = len(heights)
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
    slope = median([(heights[j] - heights[i]) / (j - i) for i, j in pairs])
    score = sum((heights[j] > heights[i]) - (heights[j] < heights[i]) for i, j in pairs)
    variance = count * (count - 1) * (2 * count + 5) / 18
    variance *= max(1.0, noise / spread) if spread > 0 else 1.0
    z = (score - math.copysign(1, score)) / math.sqrt(variance) if score else 0.0
    return slope, 2 * (1 - NormalDist().cdf(abs(z)))


def _without_noise(values: Sequence[float], blocks: Blocks, whole: tuple[Segment, ...]) -> Course:
    """Too short for a statement, or without any noise: then every difference is a change."""
    heights = blocks.medians
    if len(heights) < 2 * SHORTEST or len(set(heights)) == 1:
        return Course(Kind.STEADY, 0.0, 0.0, 1.0, whole)
    cuts = change_points(heights, 1e-12 * sum(h * h for h in heights))
    if not cuts:
        return Course(Kind.STEADY, 0.0, 0.0, 1.0, whole)
    return _in_steps(_segments(blocks, cuts, len(values)), median(heights), 0.0)


def _segments(blocks: Blocks, cuts: Sequence[int], count: int) -> list[Segment]:
    edges = [0, *cuts, len(blocks.medians)]
    found: list[Segment] = []
    for begin, end in pairwise(edges):
        last = end == len(blocks.medians)
        level = median(blocks.medians[begin:end])
        found.append(Segment(begin * blocks.size, count if last else end * blocks.size, level))
    return _joined(found)


def _joined(segments: list[Segment]) -> list[Segment]:
    """Neighbours on practically one level become one stretch."""
    joined = segments[:1]
    for segment in segments[1:]:
        last = joined[-1]
        if abs(segment.level - last.level) < SAME_SHARE * last.level:
            ours, theirs = last.end - last.begin, segment.end - segment.begin
            level = (last.level * ours + segment.level * theirs) / (ours + theirs)
            joined[-1] = Segment(last.begin, segment.end, level)
        else:
            joined.append(segment)
    return joined


def _in_steps(segments: list[Segment], middle: float, p_value: float) -> Course:
    if len(segments) == 1:
        return Course(Kind.STEADY, 0.0, 0.0, p_value, tuple(segments))
    levels = [segment.level for segment in segments]
    change = (levels[-1] - levels[0]) / middle
    is_late = segments[-1].end - segments[-1].begin < STEADY_SHARE * segments[-1].end
    falls = all(a > b for a, b in pairwise(levels))
    rises = all(a < b for a, b in pairwise(levels))
    kind = Kind.UNSTEADY
    if falls:
        kind = Kind.STEP_DOWN if is_late else Kind.WARM_UP
    elif rises:
        kind = Kind.STEP_UP
    return Course(kind, change, 0.0, p_value, tuple(segments))


def _stairs_cost(heights: Sequence[float], cuts: Sequence[int]) -> float:
    edges = [0, *cuts, len(heights)]
    total = 0.0
    for begin, end in pairwise(edges):
        part = heights[begin:end]
        middle = sum(part) / len(part)
        total += sum((h - middle) ** 2 for h in part)
    return total


def _line_cost(heights: Sequence[float]) -> float:
    count = len(heights)
    center, middle = (count - 1) / 2, sum(heights) / count
    across = sum((i - center) * (h - middle) for i, h in enumerate(heights))
    along = sum((i - center) ** 2 for i in range(count))
    return sum((h - middle) ** 2 for h in heights) - across * across / along
