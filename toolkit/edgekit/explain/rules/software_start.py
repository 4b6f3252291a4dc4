"""Start: what importing and loading cost an application that starts for every request."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import NS_PER_MS, format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.remedies import folder_of

CAUSE = "software-start"
GROUP = "software"
NEEDS = "the once-phases of the runner: import, load, first_inference"
SOURCE = "measured: engines take 30 to 400 ms to import (docs/benchmarks.md)"
MANY = 50
"""A start that costs as much as this many inferences hurts programs that start per request."""
SHORT = 5
"""A process with so few invocations is one that starts per request."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Import, load and first inference against a steady invocation."""
    measured = evidence.measurement
    once = measured.once_ns
    if not once or evidence.edge.total_ms <= 0:
        return Unavailable("the runner did not time the start")
    start_ms = sum(once.values()) / NS_PER_MS
    count = len(measured.starts_ns)
    factor = start_ms / evidence.edge.total_ms
    is_short = count <= SHORT
    if factor < MANY and not is_short:
        return None
    parts = ", ".join(f"{name} {format_ms(value / NS_PER_MS)}" for name, value in once.items())
    folder = folder_of(evidence)
    command = f"edgekit deploy {folder} --board {measured.board} --service" if folder else ""
    gain: float | Unavailable = Unavailable("depends on how often the application starts")
    share: float | Unavailable = Unavailable("it happens once, not per inference")
    if is_short:
        share = start_ms / (start_ms + count * evidence.edge.total_ms)
        gain = start_ms / count
    remedy = Remedy("keep the process alive between requests", command, gain, Confidence.HIGH)
    title = f"starting costs as much as {factor:.0f} inferences"
    severity = None if is_short else Severity.INFO
    rule = Rule(CAUSE, GROUP, SOURCE)
    return cause(rule, title, share, parts, remedy, severity=severity)
