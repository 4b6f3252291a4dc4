"""Candidates by size and latency: the front, the winner, what they lose in accuracy."""

from __future__ import annotations

from edgekit.core.estimate import Estimate
from edgekit.core.selection import Candidate, Selection
from edgekit.core.units import format_bytes, format_ms
from edgekit.report.charts.drawing import (
    WIDTH,
    Scale,
    frame,
    legend,
    linear,
    logarithmic,
    path,
    show_ms,
    text,
    tip,
    x_axis,
    y_axis,
)

LEFT, RIGHT, TOP, PLOT = 76, 150, 20, 240
SMALL_POINTS, LARGE_POINTS = 1.0, 3.0
"""Losses of accuracy at which the colour changes."""
LOSSES = {
    "loss-unknown": "loss not known",
    "loss-small": "loses less than 1 point",
    "loss-some": "1 to 3 points",
    "loss-large": "3 points or more",
}


def pareto_chart(selection: Selection) -> str:
    """Every measured candidate; empty without any."""
    known = [
        (candidate, candidate.size_bytes, candidate.p50_ms)
        for candidate in selection.candidates
        if isinstance(candidate.size_bytes, int) and isinstance(candidate.p50_ms, Estimate)
    ]
    if not known:
        return ""
    x = linear(0, max(size for _, size, _ in known) * 1.1, LEFT, WIDTH - RIGHT)
    y = logarithmic([v for *_, p50 in known for v in (p50.low, p50.high)], TOP + PLOT, TOP)
    parts = [
        x_axis(x, TOP, TOP + PLOT, format_bytes),
        y_axis(y, LEFT, WIDTH - RIGHT, show_ms),
    ]
    front = sorted((size, p50.value) for c, size, p50 in known if c.is_pareto)
    parts.append(path(_stairs(front, x, y), "front"))
    for candidate, size, p50 in known:
        at = x.at(size), y.at(p50.value)
        parts.append(_point(candidate, at, (y.at(p50.low), y.at(p50.high)), selection.winner))
    used = {loss_class(candidate) for candidate, *_ in known}
    entries = [(kind, words) for kind, words in LOSSES.items() if kind in used]
    parts += [
        legend(entries, TOP + PLOT + 60, LEFT),
        text((LEFT + WIDTH - RIGHT) / 2, TOP + PLOT + 36, "size of the model", "tick", "middle"),
    ]
    said = "; ".join(
        f"{c.name}: {format_bytes(size)}, {format_ms(p50.value)}" for c, size, p50 in known
    )
    title = f"Size and latency of the candidates on {selection.board}"
    return frame(TOP + PLOT + 72, title, f"{said}; kept: {selection.winner or 'none'}", parts)


def loss_class(candidate: Candidate) -> str:
    """By loss on labelled data, else by disagreement with the original."""
    points = candidate.drop_points
    if points is None and candidate.agreement is not None:
        points = (1 - candidate.agreement) * 100
    if points is None:
        return "loss-unknown"
    if points < SMALL_POINTS:
        return "loss-small"
    return "loss-some" if points < LARGE_POINTS else "loss-large"


def _point(
    candidate: Candidate, at: tuple[float, float], ends: tuple[float, float], winner: str
) -> str:
    x, y = at
    kind = loss_class(candidate)
    drop = "" if candidate.drop_points is None else f", loses {candidate.drop_points:.2f} points"
    ring = f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="10"/>'
    return (
        f'<line class="error" x1="{x:.1f}" x2="{x:.1f}" y1="{ends[0]:.1f}" y2="{ends[1]:.1f}"/>'
        f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="6">{tip(candidate.name + drop)}</circle>'
        + (ring if candidate.name == winner else "")
        + text(x + 14, y + 4, candidate.name, "value")
    )


def _stairs(front: list[tuple[int, float]], x: Scale, y: Scale) -> list[tuple[float, float]]:
    """The border beyond which no candidate is smaller and faster."""
    points: list[tuple[float, float]] = []
    lowest = float("inf")
    for size, value in front:
        if value < lowest:
            if points:
                points.append((x.at(size), points[-1][1]))
            points.append((x.at(size), y.at(value)))
            lowest = value
    return points
