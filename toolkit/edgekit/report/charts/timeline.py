"""A run over time: every sample, with temperature, clock and throttling below it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edgekit.core.measurement import Condition, Measurement
from edgekit.core.units import NS_PER_MS, NS_PER_S, format_ms
from edgekit.report.charts.drawing import (
    WIDTH,
    Scale,
    band,
    frame,
    legend,
    linear,
    path,
    show_ms,
    text,
    x_axis,
    y_axis,
)
from edgekit.report.run_facts import throttled_spans

LEFT, RIGHT, TOP, PLOT, LANE, GAP = 76, 24, 12, 180, 52, 18
COLUMNS = 400
"""Beyond this many samples, each column of the picture shows lowest, middle and highest."""
TOP_SHARE = 0.999
"""The axis ends a little above this share of the samples; higher ones are marked at its end."""


@dataclass(frozen=True)
class Lane:
    """A quantity of the board over time."""

    name: str
    kind: str
    points: tuple[tuple[int, float], ...]
    show: Callable[[float], str]


def timeline_chart(measurement: Measurement) -> str:
    """Latency over the time since the start of the run, and the state of the board."""
    starts = measurement.starts_ns
    values = [value / NS_PER_MS for value in measurement.samples_ns["total"]]
    lanes = tuple(_lanes(measurement.conditions))
    bottom = TOP + PLOT + len(lanes) * (LANE + GAP)
    end_ns = max([starts[-1], *(c.at_ns for c in measurement.conditions)])
    x = linear(0, end_ns / NS_PER_S, LEFT, WIDTH - RIGHT)
    ordered = sorted(values)
    high = ordered[min(int(len(ordered) * TOP_SHARE), len(ordered) - 1)]
    y = linear(ordered[0] * 0.95, high * 1.1, TOP + PLOT, TOP)
    parts = [x_axis(x, TOP, bottom, lambda value: f"{value:g} s")]
    spans = tuple(throttled_spans(measurement.conditions))
    for begin, stop in spans:
        left, right = x.at(begin / NS_PER_S), x.at(stop / NS_PER_S)
        said = f"slowed down by heat or power from {begin / NS_PER_S:.1f} s"
        parts.append(band(left, TOP, right - left, bottom - TOP, "throttled", said))
    parts += [y_axis(y, LEFT, WIDTH - RIGHT, show_ms), *_samples(starts, values, x, y)]
    for i, lane in enumerate(lanes):
        parts.append(_drawn(lane, x, TOP + PLOT + GAP + i * (LANE + GAP)))
    entries = [("bar edge", "latency, end to end")]
    entries += [(f"fill {lane.kind}", lane.name) for lane in lanes]
    if spans:
        entries.append(("throttled", "slowed down by heat or power"))
    parts.append(legend(entries, bottom + 42, LEFT))
    said = (
        f"{len(values)} samples over {x.high:.3g} s, from {format_ms(ordered[0])} to "
        f"{format_ms(ordered[-1])}; "
        + ("; ".join(map(_sentence, lanes)) or "no state of the board is known")
        + (f"; slowed down in {len(spans)} spans" if spans else "")
    )
    return frame(bottom + 54, "Latency over the run", said, parts)


def _lanes(conditions: Sequence[Condition]) -> Iterator[Lane]:
    heat = tuple((c.at_ns, c.temperature_c) for c in conditions if c.temperature_c is not None)
    clocks = tuple(
        (c.at_ns, c.firmware_clock_mhz or c.clock_mhz) for c in conditions if c.clock_mhz
    )
    if len(heat) > 1:
        yield Lane("temperature", "heat", heat, lambda value: f"{value:.0f} °C")
    if len(clocks) > 1:
        known = tuple((at, clock) for at, clock in clocks if clock)
        yield Lane("clock", "clock", known, lambda value: f"{value:.0f} MHz")


def _sentence(lane: Lane) -> str:
    values = [value for _, value in lane.points]
    return f"{lane.name} from {lane.show(min(values))} to {lane.show(max(values))}"


def _samples(starts: Sequence[int], values: Sequence[float], x: Scale, y: Scale) -> Iterator[str]:
    """Dots where there are few samples, else a band per column with its middle."""
    if len(values) <= COLUMNS:
        for start, value in zip(starts, values, strict=True):
            where = f'cx="{x.at(start / NS_PER_S):.1f}" cy="{y.at(value):.1f}"'
            yield f'<circle class="bar edge" {where} r="2"/>'
            if value > y.high:
                yield _beyond(x.at(start / NS_PER_S), value)
        return
    middles = []
    width = (x.end - x.start) / COLUMNS
    for column in range(COLUMNS):
        begin = bisect_left(starts, (x.low + (x.high - x.low) * column / COLUMNS) * NS_PER_S)
        stop = bisect_left(starts, (x.low + (x.high - x.low) * (column + 1) / COLUMNS) * NS_PER_S)
        here = sorted(values[begin:stop])
        if not here:
            continue
        at = x.start + width * column
        top = y.at(here[-1])
        yield band(at, top, width, y.at(here[0]) - top, "range edge")
        if here[-1] > y.high:
            yield _beyond(at + width / 2, here[-1])
        middles.append((at + width / 2, y.at(here[len(here) // 2])))
    yield path(middles, "line edge")


def _beyond(x: float, value_ms: float) -> str:
    """A mark at the upper edge for what lies above it."""
    return (
        f'<path class="beyond" d="M{x - 4:.1f},{TOP + 6} L{x:.1f},{TOP - 1} L{x + 4:.1f},{TOP + 6} Z">'
        f"<title>{format_ms(value_ms)}</title></path>"
    )


def _drawn(lane: Lane, x: Scale, top: float) -> str:
    values = [value for _, value in lane.points]
    y = linear(min(values), max(values), top + LANE, top)
    steps = [(x.at(at / NS_PER_S), y.at(value)) for at, value in thin(lane.points)]
    low, high = lane.show(y.low), lane.show(y.high)
    return (
        path(steps, f"line {lane.kind}")
        + text(LEFT - 8, top + 8, high, "tick", "end")
        + text(LEFT - 8, top + LANE + 2, low, "tick", "end")
    )


def thin(points: Sequence[tuple[int, float]]) -> Sequence[tuple[int, float]]:
    """At most two points per column, its lowest and highest, in order."""
    if len(points) <= 2 * COLUMNS:
        return points
    kept = []
    for column in range(COLUMNS):
        here = points[len(points) * column // COLUMNS : len(points) * (column + 1) // COLUMNS]
        lowest, highest = (pick(here, key=lambda point: point[1]) for pick in (min, max))
        kept += sorted({lowest, highest})
    return kept
