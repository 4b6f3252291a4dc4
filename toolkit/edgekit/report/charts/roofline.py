"""The roofline: arithmetic per byte against arithmetic per second, below what the board can do."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.core.lag import Basis, Roofline, RooflinePoint
from edgekit.core.units import format_count
from edgekit.report.charts.drawing import (
    WIDTH,
    Scale,
    frame,
    logarithmic,
    path,
    text,
    tip,
    x_axis,
    y_axis,
)

LEFT, RIGHT, TOP, PLOT = 96, 150, 16, 240


def roofline_chart(roofline: Roofline) -> str:
    """The roof with its ridge, the whole model and its operation types as dots.

    Empty where no operation's time is known.
    """
    speeds = [(point, speed) for point in roofline.points if (speed := speed_of(point))]
    if not speeds:
        return ""
    intensities = [point.intensity for point, _ in speeds] + [roofline.ridge]
    wide = [*intensities, min(intensities) / 3, max(intensities) * 3]
    x = logarithmic(wide, LEFT, WIDTH - RIGHT)
    reached = [speed for _, speed in speeds]
    peak = roofline.peak_macs_per_s
    y = logarithmic([*reached, min(reached) / 2, peak * 1.5], TOP + PLOT, TOP)
    parts = [
        x_axis(x, TOP, TOP + PLOT, "{:g}".format),
        y_axis(y, LEFT, WIDTH - RIGHT, lambda value: f"{format_count(value)}MAC/s"),
        _roof(roofline, x, y),
        *_points(speeds, x, y),
    ]
    words = "multiply-accumulates per byte of weights and activations"
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(text(middle, TOP + PLOT + 38, words, "tick", "middle"))
    said = (
        f"{roofline.precision}: at most {format_count(peak)}MAC/s and "
        f"{format_count(roofline.bandwidth_bytes_per_s)}B/s, ridge at {roofline.ridge:.3g} MAC per "
        f"byte [{roofline.basis.value}]; " + "; ".join(_sentence(p, s) for p, s in speeds)
    )
    return frame(TOP + PLOT + 50, "Roofline of the model on the board", said, parts)


def speed_of(point: RooflinePoint) -> float:
    """Multiply-accumulates per second that were reached; 0 where it cannot be told."""
    if not isinstance(point.time_ms, float) or not point.time_ms or not point.intensity:
        return 0.0
    return point.macs / (point.time_ms / 1e3)


def _sentence(point: RooflinePoint, speed: float) -> str:
    return f"{point.name}: {point.intensity:.3g} MAC per byte at {format_count(speed)}MAC/s"


def _points(speeds: Sequence[tuple[RooflinePoint, float]], x: Scale, y: Scale) -> Sequence[str]:
    """The whole model large; types by the share of the time that they take."""
    times = [point.macs / speed for point, speed in speeds]
    parts = []
    for i, (point, speed) in enumerate(speeds):
        kind, radius = (
            ("dot edge", 7.0) if i == 0 else ("series2", 3 + 5 * (times[i] / max(times)) ** 0.5)
        )
        at = x.at(point.intensity), y.at(speed)
        parts.append(
            f'<circle class="{kind}" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius:.1f}">'
            f"{tip(_sentence(point, speed))}</circle>"
            + text(at[0] + radius + 4, at[1] + 4, point.name[:24], "value")
        )
    return parts


def _roof(roofline: Roofline, x: Scale, y: Scale) -> str:
    bandwidth = roofline.bandwidth_bytes_per_s
    lowest = max(x.low, y.low / bandwidth)
    level = y.at(roofline.peak_macs_per_s)
    points = [
        (x.at(lowest), y.at(lowest * bandwidth)),
        (x.at(roofline.ridge), level),
        (x.at(x.high), level),
    ]
    kind = "roof" if roofline.basis is Basis.MEASURED else "roof guessed"
    words = f"{roofline.precision} [{roofline.basis.value}]"
    return path(points, kind) + text(WIDTH - RIGHT + 6, level + 4, words, "tick")
