"""Median with interval and 95th percentile of the edge and of the cloud over every network."""

from __future__ import annotations

from edgekit.core.comparison import Comparison, NetworkVerdict
from edgekit.core.estimate import Estimate
from edgekit.core.mode import Mode
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.report.charts.drawing import WIDTH, frame, label, logarithmic, show_ms, text, x_axis

LEFT, RIGHT, ROW = 215, 90, 34


def latency_chart(comparison: Comparison) -> str:
    """One row per side and network on a logarithmic axis."""
    stamp = "" if comparison.edge_mode is Mode.MEASURED else f" [{comparison.edge_mode.value}]"
    rows: list[tuple[str, str, Estimate, Estimate | Unavailable]] = [
        (
            f"edge: {comparison.board}{stamp}",
            "edge",
            _known(comparison.edge_ms["p50"]),
            comparison.edge_ms["p95"],
        )
    ]
    for item in comparison.networks:
        name = f"cloud over {item.network.id} [emulated]" if item.network else "cloud"
        rows.append((name, "cloud", item.p50.cloud_ms, _cloud(item, "p95")))
    values = [v for _, _, p50, p95 in rows for v in _values(p50, p95)]
    scale = logarithmic(values, LEFT, WIDTH - RIGHT)
    height = ROW * len(rows) + 46
    parts = [x_axis(scale, 8, height - 34, show_ms)]
    for i, (name, side, p50, p95) in enumerate(rows):
        y = 8 + ROW * i + ROW / 2
        x = scale.at(p50.value)
        parts.append(
            f'<text class="label" x="{LEFT - 12}" y="{y + 4:.1f}" text-anchor="end">{label(name)}</text>'
            f'<line class="whisker {side}" x1="{scale.at(p50.low):.1f}" '
            f'x2="{scale.at(p50.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<circle class="dot {side}" cx="{x:.1f}" cy="{y:.1f}" r="6"/>'
        )
        last = scale.at(p50.high)
        if isinstance(p95, Estimate):
            stop = scale.at(p95.value)
            last = max(last, stop)
            parts.append(
                f'<line class="tail {side}" x1="{x:.1f}" x2="{stop:.1f}" y1="{y:.1f}" '
                f'y2="{y:.1f}"/><line class="stop {side}" x1="{stop:.1f}" x2="{stop:.1f}" '
                f'y1="{y - 7:.1f}" y2="{y + 7:.1f}"/>'
            )
        parts.append(text(last + 12, y + 4, format_ms(p50.value), "value"))
    said = "; ".join(f"{name} {format_ms(p50.value)}" for name, _, p50, _ in rows)
    return frame(height, "Latency of edge and cloud on a logarithmic axis", said, parts)


def _known(estimate: Estimate | Unavailable) -> Estimate:
    """Of the median, which every comparison has."""
    assert isinstance(estimate, Estimate)
    return estimate


def _cloud(item: NetworkVerdict, name: str) -> Estimate | Unavailable:
    found = item.quantiles[name]
    return found if isinstance(found, Unavailable) else found.cloud_ms


def _values(p50: Estimate, p95: Estimate | Unavailable) -> list[float]:
    found = [p50.low, p50.value, p50.high]
    return [*found, p95.value] if isinstance(p95, Estimate) else found
