"""What every chart is drawn with: a frame, scales with round ticks, labels that stay inside."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from edgekit.core.units import format_ms

WIDTH = 900
LABEL_LENGTH = 30
"""Characters that fit between the margin and a chart of rows."""
LETTER = 6.6
"""Width of a letter of the charts' small type, about."""


@dataclass(frozen=True)
class Scale:
    """Maps values to positions along an axis, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """Where a value lies; values beyond the ends lie on them."""
        inside = min(max(value, self.low), self.high)
        if self.is_log:
            share = math.log(inside / self.low) / math.log(self.high / self.low)
        else:
            share = (inside - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * share

    def ticks(self) -> tuple[float, ...]:
        """Round values inside the axis, about five of them."""
        return _log_ticks(self.low, self.high) if self.is_log else _ticks(self.low, self.high)


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """A linear scale that has a length even where all values are the same."""
    if high <= low:
        low, high = (low - 1, low + 1) if not low else sorted((low * 0.9, low * 1.1))
    return Scale(low, high, start, end)


def logarithmic(values: Sequence[float], start: float, end: float) -> Scale:
    """A logarithmic scale around the positive ones of the values."""
    positive = [value for value in values if value > 0] or [1.0]
    low, high = min(positive) / 1.15, max(positive) * 1.15
    if high / low < 3:
        middle = math.sqrt(low * high)
        low, high = middle / math.sqrt(3), middle * math.sqrt(3)
    return Scale(low, high, start, end, is_log=True)


def _ticks(low: float, high: float) -> tuple[float, ...]:
    rough = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * part for part in (1, 2, 5, 10) if size * part >= rough)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(step * i for i in range(first, last + 1))


def _log_ticks(low: float, high: float) -> tuple[float, ...]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    parts = (1, 2, 5) if high / low < 200 else (1,)
    found = [10.0**decade * part for decade in decades for part in parts]
    return tuple(value for value in found if low <= value <= high)


def frame(height: float, title: str, description: str, body: Sequence[str]) -> str:
    """The picture, with a name and a description for people who do not see it."""
    name = escape(f"{title}. {description}", quote=True)
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{name}">'
        f"{''.join(body)}</svg>"
    )


def x_axis(scale: Scale, top: float, bottom: float, show: Callable[[float], str]) -> str:
    """Vertical grid lines with their values below."""
    parts = []
    for tick in scale.ticks():
        x = scale.at(tick)
        parts.append(
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}"/>'
            + text(x, bottom + 17, show(tick), "tick", "middle")
        )
    return "".join(parts)


def y_axis(scale: Scale, left: float, right: float, show: Callable[[float], str]) -> str:
    """Horizontal grid lines with their values at the left."""
    parts = []
    for tick in scale.ticks():
        y = scale.at(tick)
        parts.append(
            f'<line class="grid" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            + text(left - 8, y + 4, show(tick), "tick", "end")
        )
    return "".join(parts)


def text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    """Words at a place; those of a record may be anything."""
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{where}>{escape(words)}</text>'


def tip(words: str) -> str:
    """What a mark says when it is pointed at."""
    return f"<title>{escape(words)}</title>"


def path(points: Sequence[tuple[float, float]], kind: str) -> str:
    """A line through points."""
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{steps}"/>'


def band(x: float, y: float, width: float, height: float, kind: str, said: str = "") -> str:
    """A filled rectangle, at least a hair wide."""
    inner = tip(said) if said else ""
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.8):.1f}" '
        f'height="{max(height, 0.8):.1f}">{inner}</rect>'
    )


def label(name: str) -> str:
    """The name where it fits; else its end, which tells rows apart, and all of it on hovering."""
    if len(name) <= LABEL_LENGTH:
        return escape(name)
    return f"{tip(name)}…{escape(name[1 - LABEL_LENGTH :])}"


def legend(entries: Sequence[tuple[str, str]], y: float, left: float = 24.0) -> str:
    """Small squares with what they stand for, in one line."""
    parts, at = [], left
    for kind, name in entries:
        words = name if len(name) <= 34 else f"…{name[-33:]}"
        parts.append(
            f'<rect class="{kind}" x="{at:.0f}" y="{y - 10:.0f}" width="12" height="12"/>'
            + text(at + 17, y, words, "tick")
        )
        at += 40 + LETTER * len(words)
    return "".join(parts)


def show_ms(value_ms: float) -> str:
    """Milliseconds on an axis: as few digits as tell ticks apart."""
    number, _, unit = format_ms(value_ms).partition(" ")
    return f"{float(number):g} {unit}"
