"""The cloud's median over the round trip time, and where it crosses the edge's."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.core.comparison import Comparison, NetworkVerdict
from edgekit.core.estimate import Estimate
from edgekit.core.network import NetworkProfile
from edgekit.core.units import format_ms
from edgekit.report.charts.drawing import (
    WIDTH,
    Scale,
    band,
    frame,
    legend,
    logarithmic,
    path,
    show_ms,
    text,
    tip,
    x_axis,
    y_axis,
)

LEFT, RIGHT, TOP, PLOT = 76, 24, 12, 230
POINTS = 60
NEAREST_MS, FARTHEST_MS = 1.0, 400.0
"""The axis holds at least these round trips: next door, and the other side of the world."""


def break_even_chart(comparison: Comparison) -> str:
    """One curve per emulated network, all else staying as it was; empty without any.

    A request on an open connection costs one round trip, so a curve is the measured median with
    the round trip exchanged.
    """
    known = [(item, item.network) for item in comparison.networks if item.network]
    edge = comparison.edge_ms["p50"]
    if not known or not isinstance(edge, Estimate):
        return ""
    crossings = [rtt for item, _ in known if (rtt := crossing_ms(item)) is not None]
    trips = [network.rtt_ms for _, network in known]
    x = logarithmic([NEAREST_MS, FARTHEST_MS, *trips, *crossings], LEFT, WIDTH - RIGHT)
    curves = [(item, network, _curve(item, network, x)) for item, network in known]
    values = [value for *_, curve in curves for _, value in curve]
    y = logarithmic([*values, edge.low, edge.high], TOP + PLOT, TOP)
    parts = [
        x_axis(x, TOP, TOP + PLOT, show_ms),
        y_axis(y, LEFT, WIDTH - RIGHT, show_ms),
        band(
            LEFT,
            y.at(edge.high),
            WIDTH - RIGHT - LEFT,
            y.at(edge.low) - y.at(edge.high),
            "interval",
        ),
        path([(LEFT, y.at(edge.value)), (WIDTH - RIGHT, y.at(edge.value))], "line edge"),
    ]
    rings = 0
    for i, (item, network, curve) in enumerate(curves):
        kind = f"series{(i + 1) % 6}"
        parts.append(path([(x.at(rtt), y.at(value)) for rtt, value in curve], f"line {kind}"))
        here = f"{network.id}: {format_ms(item.p50.cloud_ms.value)} at {format_ms(network.rtt_ms)}"
        at = (x.at(network.rtt_ms), y.at(item.p50.cloud_ms.value))
        parts.append(
            f'<circle class="{kind}" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="5">{tip(here)}</circle>'
        )
        found = crossing_ms(item)
        if found is not None:
            parts.append(_ring(x.at(found), y.at(edge.value), found, rings))
            rings += 1
    entries = [("bar edge", f"edge, {format_ms(edge.value)}")]
    entries += [
        (f"series{(i + 1) % 6}", f"cloud over {network.id}")
        for i, (_, network) in enumerate(known)
    ]
    rows = [entries[i : i + 4] for i in range(0, len(entries), 4)]
    for i, row in enumerate(rows):
        parts.append(legend(row, TOP + PLOT + 62 + 20 * i, LEFT))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(text(middle, TOP + PLOT + 38, "round trip time", "tick", "middle"))
    said = "; ".join(_sentence(item, network) for item, network in known)
    height = TOP + PLOT + 56 + 20 * len(rows)
    return frame(height, "Median over the round trip time", said, parts)


def crossing_ms(item: NetworkVerdict) -> float | None:
    """The break-even round trip where there is one."""
    rtt = item.break_even.rtt_ms
    return rtt if isinstance(rtt, float) and rtt > 0 else None


def _curve(
    item: NetworkVerdict, network: NetworkProfile, x: Scale
) -> Sequence[tuple[float, float]]:
    without = item.p50.cloud_ms.value - network.rtt_ms
    trips = [x.low * (x.high / x.low) ** (i / POINTS) for i in range(POINTS + 1)]
    return [(rtt, without + rtt) for rtt in trips if without + rtt > 0]


def _ring(x: float, y: float, rtt_ms: float, above: int) -> str:
    """A ring with its value; the values of rings that may be near each other stand in steps."""
    words = format_ms(rtt_ms)
    return (
        f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="7">'
        f"<title>both are equal at a round trip of {words}</title></circle>"
        + text(x, y - 12 - 16 * above, words, "value", "middle")
    )


def _sentence(item: NetworkVerdict, network: NetworkProfile) -> str:
    found = crossing_ms(item)
    if found is None:
        return f"{network.id}: the edge is faster at any distance"
    return f"{network.id}: equal at a round trip of {format_ms(found)}"
