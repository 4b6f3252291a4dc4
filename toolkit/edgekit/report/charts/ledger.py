"""What each ledger's time consists of, every bar as long as the others."""

from __future__ import annotations

from math import fsum

from edgekit.core.lag import LagReport, Ledger
from edgekit.core.units import format_ms
from edgekit.report.charts.drawing import WIDTH, band, frame, label, legend, text

LEFT, RIGHT, ROW = 215, 90, 34
GROUPS = {
    "preprocess": "prepare",
    "encode": "prepare",
    "server-preprocess": "prepare",
    "engine-compute": "compute",
    "ideal-compute": "compute",
    "memory-bound": "compute",
    "engine-inefficiency": "compute",
    "layout": "compute",
    "dispatch": "compute",
    "denormals": "compute",
    "unoptimized": "compute",
    "copies": "prepare",
    "oversubscription": "wait",
    "spinning": "wait",
    "throttling": "wait",
    "idle-wake": "wait",
    "server-batch-wait": "wait",
    "resolve": "distance",
    "connect": "distance",
    "tls": "distance",
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


def ledger_chart(lag: LagReport) -> str:
    """One stacked bar per ledger."""
    height = ROW * len(lag.ledgers) + 40
    parts = [_bar(ledger, 6 + ROW * i) for i, ledger in enumerate(lag.ledgers)]
    used = {GROUPS.get(s.id, "rest") for ledger in lag.ledgers for s in ledger.shares}
    entries = [(group, title) for group, title in LEGEND.items() if group in used]
    parts.append(legend(entries, height - 12))
    said = "; ".join(_sentence(ledger) for ledger in lag.ledgers)
    return frame(height, "Composition of the time, each bar is 100 percent", said, parts)


def _sentence(ledger: Ledger) -> str:
    """The longest share of a ledger in words."""
    longest = max(ledger.shares, key=lambda share: share.time_ms)
    part = longest.time_ms / ledger.total_ms if ledger.total_ms else 0.0
    return f"{ledger.subject}: {format_ms(ledger.total_ms)}, {part:.0%} {longest.title}"


def _bar(ledger: Ledger, y: float) -> str:
    parts = [
        f'<text class="label" x="{LEFT - 12}" y="{y + 17:.1f}" text-anchor="end">'
        f"{label(ledger.subject)}</text>"
    ]
    positive = [share for share in ledger.shares if share.time_ms > 0]
    total = fsum(share.time_ms for share in positive) or 1.0
    at = float(LEFT)
    for share in positive:
        width = (WIDTH - LEFT - RIGHT) * share.time_ms / total
        said = f"{share.title}: {format_ms(share.time_ms)} ({share.evidence})"
        parts.append(band(at, y, width - 1, 24, GROUPS.get(share.id, "rest"), said))
        at += width
    parts.append(text(WIDTH - RIGHT + 10, y + 17, format_ms(ledger.total_ms), "value"))
    return "".join(parts)
