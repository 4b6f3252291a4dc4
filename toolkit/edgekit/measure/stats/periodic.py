"""A disturbance that comes back at a fixed period: a timer, a daemon, a display refresh. Pure.

The samples' normal scores are laid on an even grid of time, whitened, and searched in the
frequency domain; short pulses spread over many harmonics, so sums of harmonics are tried too.

Source: Fisher, "Tests of significance in harmonic analysis", 1929; Buccheri et al., "Search for
pulsed gamma-ray emission", A&A 128, 1983 (sums of harmonics).
"""

from __future__ import annotations

import cmath
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from edgekit.core.units import NS_PER_S
from edgekit.measure.stats.blocks import median

LEAST_COUNT = 128
MOST_POINTS = 8192
"""Grid points of one search; longer series are searched twice: all of it, coarsely, and its begin."""
HARMONICS = (1, 2, 4, 8, 16)
P_VALUE = 0.001
"""Chance that a series without a period seems to have one, over all frequencies tried."""
LEAST_PERIODS = 4
"""A shape that repeats less often in the run is a course, not a period."""
BACKGROUND = 64
"""Frequencies on either side whose middle power is the background."""
STRIDE = 8
"""Frequencies that share a background."""
PHASES = 32
TRIALS = 13
"""Periods tried around the one that the spectrum gives, whose resolution is coarse."""

MULTIPLES = 8
"""Harmonics that may outshine the period itself."""
CLEARER = 1.5
"""A multiple must separate the phases this much better: the n-th harmonic of pulses by n."""
MOST_FOLDED = 4000
"""Samples that are folded to find the exact period; more add nothing."""


@dataclass(frozen=True)
class Period:
    """A period in a series."""

    samples: float
    """Length in samples."""
    seconds: float
    """Length in time; 0 without times."""
    swing: float
    """Slowest phase against the fastest, relative to the median."""
    p_value: float


def period_of(values: Sequence[float], starts_ns: Sequence[int] = ()) -> Period | None:
    """The strongest period of a series, or None.

    Args:
        values: in the order in which they were measured.
        starts_ns: start of each sample; without them samples count as evenly spaced.
    """
    count = len(values)
    if count < LEAST_COUNT or len(set(values)) < 2:
        return None
    times = starts_ns if len(starts_ns) == count else range(count)
    scores = normal_scores(values)
    spans = [count, MOST_POINTS] if count > 2 * MOST_POINTS else [count]
    found = []
    for span in spans:
        size = min(span, MOST_POINTS)
        line = strongest(_even(scores[:span], times[:span], size))
        if line and line.p_value * len(spans) < P_VALUE:
            step = (times[span - 1] - times[0]) / (size - 1)
            found.append(Line(line.low * step, line.high * step, line.p_value * len(spans)))
    if not found:
        return None
    line = min(found, key=lambda line: line.p_value)
    return _described(line, values[:MOST_FOLDED], scores[:MOST_FOLDED], times[:MOST_FOLDED])


def normal_scores(values: Sequence[float]) -> list[float]:
    """Ranks as quantiles of the normal distribution: no outlier outweighs the rest."""
    count = len(values)
    table = NormalDist()
    scores = [0.0] * count
    for rank, i in enumerate(sorted(range(count), key=values.__getitem__)):
        scores[i] = table.inv_cdf((rank + 0.5) / count)
    return scores


@dataclass(frozen=True)
class Line:
    """A line in the spectrum: its period lies between both ends."""

    low: float
    high: float
    p_value: float


def strongest(grid: Sequence[float]) -> Line | None:
    """The strongest line of an evenly spaced series, period in grid points."""
    powers = _powers(grid)
    size = 2 * len(powers)
    best: Line | None = None
    least = math.ceil(LEAST_PERIODS * size / len(grid))
    for harmonics in HARMONICS:
        last = (len(powers) - 1) // harmonics
        if last <= least:
            break
        sums = [sum(powers[k : k * harmonics + 1 : k]) for k in range(least, last + 1)]
        total = max(sums)
        k = least + sums.index(total)
        tries = len(sums) * len(HARMONICS)
        p_value = min(1.0, tries * _gamma_tail(harmonics, total))
        if best is None or p_value < best.p_value:
            best = Line(size / (k + 0.75), size / (k - 0.75), p_value)
    return best


def fft(values: Sequence[complex]) -> list[complex]:
    """Discrete Fourier transform of a power of two of values (Cooley & Tukey, 1965)."""
    size = len(values)
    if size == 1:
        return list(values)
    even, odd = fft(values[::2]), fft(values[1::2])
    turn = -2j * math.pi / size
    turned = [cmath.exp(turn * k) * value for k, value in enumerate(odd)]
    return [a + b for a, b in zip(even, turned, strict=True)] + [
        a - b for a, b in zip(even, turned, strict=True)
    ]


def _even(scores: Sequence[float], times: Sequence[int], size: int) -> list[float]:
    """The series on an even grid of time: the mean of a cell, or what ran then."""
    step = (times[-1] - times[0]) / (size - 1) or 1.0
    sums, counts = [0.0] * size, [0] * size
    for score, time in zip(scores, times, strict=True):
        cell = min(int((time - times[0]) / step + 0.5), size - 1)
        sums[cell] += score
        counts[cell] += 1
    grid, running = [], 0.0
    for total, number in zip(sums, counts, strict=True):
        running = total / number if number else running
        grid.append(running)
    return grid


def _powers(grid: Sequence[float]) -> list[float]:
    """Powers by frequency, whitened: exponential with mean 1 where there is no line."""
    count = len(grid)
    mean = math.fsum(grid) / count
    centered = [value - mean for value in grid]
    energy = math.fsum(value * value for value in centered) or 1.0
    rho = math.fsum(a * b for a, b in itertools.pairwise(centered)) / energy
    white = [b - rho * a for a, b in itertools.pairwise(centered)]
    size = 1 << (len(white) - 1).bit_length()
    spectrum = fft([*white, *[0.0] * (size - len(white))])
    powers = [abs(value) ** 2 for value in spectrum[: size // 2]]
    return [0.0, *_by_background(powers[1:])]


def _by_background(powers: Sequence[float]) -> list[float]:
    """Powers divided by the mean that their neighbours' middle stands for."""
    width = min(BACKGROUND, len(powers) // 4)
    found: list[float] = []
    for begin in range(0, len(powers), STRIDE):
        first = max(0, min(begin + STRIDE // 2 - width, len(powers) - 2 * width - 1))
        background = median(powers[first : first + 2 * width + 1]) / math.log(2)
        part = powers[begin : begin + STRIDE]
        found += [power / background if background > 0 else 0.0 for power in part]
    return found


def _gamma_tail(shape: int, total: float) -> float:
    """P(sum of ``shape`` exponentials with mean 1 > total)."""
    term, found = 1.0, 1.0
    for k in range(1, shape):
        term *= total / k
        found += term
    return math.exp(-total) * found


def _described(
    line: Line, values: Sequence[float], scores: Sequence[float], times: Sequence[int]
) -> Period:
    """The period that separates the phases best: in the line, or a multiple where it is a harmonic."""
    per_sample = (times[-1] - times[0]) / (len(values) - 1)
    best, chosen = 0.0, line.low
    for multiple in range(1, MULTIPLES + 1):
        found, at = 0.0, line.low
        for i in range(TRIALS):
            period = multiple * (line.low + (line.high - line.low) * i / (TRIALS - 1))
            if period * LEAST_PERIODS > times[-1] - times[0]:
                break
            folded = _folded(scores, times, period, per_sample)
            separation = sum(math.fsum(part) ** 2 / len(part) for part in folded) - len(folded)
            if separation > found:
                found, at = separation, period
        if found > best * (1.0 if multiple == 1 else CLEARER):
            best, chosen = found, at
    middle = median(values)
    levels = [math.fsum(part) / len(part) for part in _folded(values, times, chosen, per_sample)]
    return Period(
        chosen / per_sample,
        0.0 if isinstance(times, range) else chosen / NS_PER_S,
        (max(levels) - min(levels)) / middle if middle > 0 else 0.0,
        line.p_value,
    )


def _folded(
    values: Sequence[float], times: Sequence[int], period: float, per_sample: float
) -> list[list[float]]:
    """The values by the phase in which they fall."""
    phases = max(2, min(PHASES, round(period / per_sample)))
    parts: list[list[float]] = [[] for _ in range(phases)]
    scale, begin = phases / period, times[0]
    for value, time in zip(values, times, strict=True):
        parts[int((time - begin) * scale) % phases].append(value)
    return [part for part in parts if part]
