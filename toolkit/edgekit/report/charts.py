"""Charts as SVG text: latencies on a logarithmic axis, ledgers as stacked bars.

Colours come from the page's style sheet by class, so that both colour schemes work.
"""

from __future__ import annotations

import math
from html import escape

from edgekit.core.comparison import Comparison, NetworkVerdict
from edgekit.core.estimate import Estimate
from edgekit.core.lag import LagReport, Ledger
from edgekit.core.mode import Mode
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms

WIDTH = 900
LEFT = 215
RIGHT = 90
LABEL_LENGTH = 30
"""Characters that fit between the margin and LEFT."""
ROW = 34
GROUPS = {
    "preprocess": "prepare",
    "encode": "prepare",
    "server-preprocess": "prepare",
    "engine-compute": "compute",
    "server-compute": "compute",
    "waiting": "wait",
    "server-queue": "wait",
    "transfer-up": "transfer",
    "transfer-down": "transfer",
    "network-rtt": "distance",
    "postprocess": "answer",
    "decode": "answer",
    "server-encode": "answer",
    "unexplained": "rest",
}
LEGEND = {
    "prepare": "preparing",
    "compute": "computing",
    "wait": "waiting",
    "transfer": "transfer",
    "distance": "distance (RTT)",
    "answer": "reading the answer",
    "rest": "not explained",
}


def latency_chart(comparison: Comparison) -> str:
    """Median with interval and p95 of the edge and of the cloud over every network."""
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
    values = [v for _, _, p50, p95 in rows for v in _values(p50, p95) if v > 0]
    low = 10 ** math.floor(math.log10(min(values)))
    high = 10 ** math.ceil(math.log10(max(values) * 1.05))
    height = ROW * len(rows) + 46

    def x(value: float) -> float:
        span = math.log10(high / low)
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log10(max(value, low) / low) / span

    parts = [_open(height, "Latency of edge and cloud on a logarithmic axis")]
    tick = low
    while tick <= high * 1.001:
        parts.append(
            f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="8" '
            f'y2="{height - 34}"/><text class="tick" x="{x(tick):.1f}" y="{height - 16}" '
            f'text-anchor="middle">{format_ms(tick)}</text>'
        )
        tick *= 10
    for i, (name, side, p50, p95) in enumerate(rows):
        y = 8 + ROW * i + ROW / 2
        parts.append(f'<text class="label" x="{LEFT - 12}" y="{y + 4:.1f}" text-anchor="end">')
        parts.append(f"{_label(name)}</text>")
        parts.append(
            f'<line class="whisker {side}" x1="{x(p50.low):.1f}" x2="{x(p50.high):.1f}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<circle class="dot {side}" cx="{x(p50.value):.1f}" cy="{y:.1f}" r="6"/>'
        )
        last = x(p50.value)
        if isinstance(p95, Estimate):
            last = x(p95.value)
            parts.append(
                f'<line class="tail {side}" x1="{x(p50.value):.1f}" x2="{last:.1f}" y1="{y:.1f}" '
                f'y2="{y:.1f}"/><line class="stop {side}" x1="{last:.1f}" x2="{last:.1f}" '
                f'y1="{y - 7:.1f}" y2="{y + 7:.1f}"/>'
            )
        parts.append(
            f'<text class="value" x="{last + 12:.1f}" y="{y + 4:.1f}">{format_ms(p50.value)}</text>'
        )
    parts.append("</svg>")
    return "".join(parts)


def _known(estimate: Estimate | Unavailable) -> Estimate:
    """Of the median, which every comparison has."""
    assert isinstance(estimate, Estimate)
    return estimate


def _cloud(item: NetworkVerdict, name: str) -> Estimate | Unavailable:
    found = item.quantiles[name]
    return found if isinstance(found, Unavailable) else found.cloud_ms


def ledger_chart(lag: LagReport) -> str:
    """What each ledger's time consists of, every bar as long as the others."""
    height = ROW * len(lag.ledgers) + 40
    parts = [_open(height, "Composition of the time, each bar is 100 percent")]
    for i, ledger in enumerate(lag.ledgers):
        parts.append(_bar(ledger, 6 + ROW * i))
    at = 24.0
    used = {GROUPS.get(s.id, "rest") for ledger in lag.ledgers for s in ledger.shares}
    for group, title in LEGEND.items():
        if group in used:
            parts.append(
                f'<rect class="{group}" x="{at:.0f}" y="{height - 22}" width="12" height="12"/>'
                f'<text class="tick" x="{at + 17:.0f}" y="{height - 12}">{title}</text>'
            )
            at += 40 + 6.4 * len(title)
    parts.append("</svg>")
    return "".join(parts)


def _label(name: str) -> str:
    """The name where it fits; else its end, which tells rows apart, and all of it on hovering."""
    if len(name) <= LABEL_LENGTH:
        return escape(name)
    return f"<title>{escape(name)}</title>…{escape(name[1 - LABEL_LENGTH :])}"


def _bar(ledger: Ledger, y: float) -> str:
    parts = [
        f'<text class="label" x="{LEFT - 12}" y="{y + 17:.1f}" text-anchor="end">'
        f"{_label(ledger.subject)}</text>"
    ]
    positive = [share for share in ledger.shares if share.time_ms > 0]
    total = math.fsum(share.time_ms for share in positive) or 1.0
    at = float(LEFT)
    for share in positive:
        width = (WIDTH - LEFT - RIGHT) * share.time_ms / total
        tip = escape(f"{share.title}: {format_ms(share.time_ms)} ({share.evidence})")
        parts.append(
            f'<rect class="{GROUPS.get(share.id, "rest")}" x="{at:.1f}" y="{y:.1f}" '
            f'width="{max(width - 1, 0.5):.1f}" height="24"><title>{tip}</title></rect>'
        )
        at += width
    parts.append(
        f'<text class="value" x="{WIDTH - RIGHT + 10}" y="{y + 17:.1f}">'
        f"{format_ms(ledger.total_ms)}</text>"
    )
    return "".join(parts)


def _values(p50: Estimate, p95: Estimate | Unavailable) -> list[float]:
    found = [p50.low, p50.value, p50.high]
    return [*found, p95.value] if isinstance(p95, Estimate) else found


def _open(height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>"
    )
