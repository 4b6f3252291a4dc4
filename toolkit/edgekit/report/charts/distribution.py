"""How latencies are distributed: a histogram of the edge, and the ECDF of every side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgekit.core.estimate import Estimate, Summary
from edgekit.core.record import Unavailable
from edgekit.core.units import NS_PER_MS, format_ms
from edgekit.report.charts.drawing import (
    WIDTH,
    Scale,
    band,
    frame,
    legend,
    linear,
    logarithmic,
    path,
    show_ms,
    text,
    x_axis,
    y_axis,
)

LEFT, RIGHT, TOP, PLOT = 64, 24, 26, 170
BINS = 60
STEPS = 160
"""Points of an ECDF; more could not be told apart at this width."""
SHOWN = 0.995
"""Share of the samples that the histogram's axis holds; the others are counted in words."""
MARKED = ("p50", "p95", "p99")


@dataclass(frozen=True)
class Series:
    """Latencies of one side over one network."""

    name: str
    kind: str
    """Class of its colour: series0, series1, ..."""
    samples_ns: Sequence[int]
    summary: Summary

    @property
    def ordered_ms(self) -> list[float]:
        """Ascending."""
        return sorted(value / NS_PER_MS for value in self.samples_ns)


def histogram_chart(series: Series) -> str:
    """Counts over latency with p50, p95 and p99 and their 95 % intervals."""
    ordered = series.ordered_ms
    last = ordered[min(int(len(ordered) * SHOWN), len(ordered) - 1)]
    x = linear(ordered[0], max(last, ordered[0]), LEFT, WIDTH - RIGHT)
    counts, beyond = _counts(ordered, x)
    y = linear(0, max(counts), TOP + PLOT, TOP)
    parts = [x_axis(x, TOP, TOP + PLOT, show_ms), y_axis(y, LEFT, WIDTH - RIGHT, "{:g}".format)]
    width = (x.end - x.start) / BINS
    for i, count in enumerate(counts):
        if count:
            top = y.at(count)
            left = x.low + (x.high - x.low) * i / BINS
            said = f"{count} from {format_ms(left)}"
            parts.append(
                band(x.start + width * i, top, width - 1, y.start - top, "bar edge", said)
            )
    marks = []
    for name in MARKED:
        estimate = series.summary.percentiles_ms[name]
        if isinstance(estimate, Estimate):
            parts.append(_mark(name, estimate, x))
            marks.append(f"{name} {format_ms(estimate.value)}")
    note = f"{beyond} of {len(ordered)} lie beyond the axis, up to {format_ms(ordered[-1])}"
    if beyond:
        parts.append(text(WIDTH - RIGHT, TOP + PLOT + 36, note, "tick", "end"))
    parts.append(text(LEFT, TOP + PLOT + 36, "samples per bin; shaded: 95 % confidence", "tick"))
    said = f"{series.name}, {len(ordered)} samples: {', '.join(marks)}"
    return frame(TOP + PLOT + 46, "Histogram of the latency", said, parts)


def _counts(ordered: Sequence[float], x: Scale) -> tuple[list[int], int]:
    """Samples in each bin, and how many lie beyond the axis."""
    counts = [0] * BINS
    beyond = 0
    span = x.high - x.low
    for value in ordered:
        if value > x.high:
            beyond += 1
        else:
            counts[min(int((value - x.low) / span * BINS), BINS - 1)] += 1
    return counts, beyond


def _mark(name: str, estimate: Estimate, x: Scale) -> str:
    left, right, at = x.at(estimate.low), x.at(estimate.high), x.at(estimate.value)
    said = f"{name} {format_ms(estimate.value)} [{format_ms(estimate.low)}, {format_ms(estimate.high)}]"
    return (
        band(left, TOP, right - left, PLOT, "interval", said)
        + f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{TOP + PLOT}"/>'
        + text(at, TOP - 8, name, "tick", "middle")
    )


def ecdf_chart(several: Sequence[Series]) -> str:
    """The share of requests answered within a time, for every series."""
    ordered = [series.ordered_ms for series in several]
    ends = [value for values in ordered for value in (values[0], values[-1])]
    x = _along(ends)
    y = linear(0, 1, TOP + PLOT, TOP - 14)
    parts = [
        x_axis(x, TOP - 14, TOP + PLOT, show_ms),
        y_axis(y, LEFT, WIDTH - RIGHT, "{:.0%}".format),
    ]
    for series, values in zip(several, ordered, strict=True):
        parts.append(path(_steps(values, x, y), f"line {series.kind}"))
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            found = series.summary.percentiles_ms[name]
            if isinstance(found, Unavailable):
                continue
            parts.append(
                f'<line class="whisker {series.kind}" x1="{x.at(found.low):.1f}" '
                f'x2="{x.at(found.high):.1f}" y1="{y.at(share):.1f}" y2="{y.at(share):.1f}"/>'
            )
    rows = [several[i : i + 3] for i in range(0, len(several), 3)]
    for i, row in enumerate(rows):
        entries = [(series.kind, series.name) for series in row]
        parts.append(legend(entries, TOP + PLOT + 42 + 20 * i, LEFT))
    height = TOP + PLOT + 34 + 20 * len(rows)
    said = "share of requests answered within a time: " + "; ".join(map(_sentence, several))
    return frame(height, "Empirical distribution of the latency", said, parts)


def _along(ends: Sequence[float]) -> Scale:
    """Linear where all sides are near each other, else logarithmic."""
    if min(ends) > 0 and max(ends) / min(ends) > 3:
        return logarithmic(ends, LEFT, WIDTH - RIGHT)
    return linear(min(ends), max(ends), LEFT, WIDTH - RIGHT)


def _sentence(series: Series) -> str:
    p50 = series.summary.percentiles_ms["p50"]
    middle = "" if isinstance(p50, Unavailable) else f", half within {format_ms(p50.value)}"
    return f"{series.name}{middle}"


def _steps(ordered: Sequence[float], x: Scale, y: Scale) -> list[tuple[float, float]]:
    count = len(ordered)
    ranks = sorted({round(i * (count - 1) / STEPS) for i in range(STEPS + 1)})
    return [(x.at(ordered[rank]), y.at((rank + 1) / count)) for rank in ranks]
