"""Framework overhead: what starting costs, beside what running costs."""

from __future__ import annotations

from edgekit.core.lag import Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import NS_PER_MS, format_ms
from edgekit.explain.evidence import Evidence

CAUSE = "software-start"
GROUP = "software"
MANY = 50
"""A start that costs as much as this many inferences hurts programs that start per request."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Import, load and first inference against a steady invocation."""
    once = evidence.measurement.once_ns
    if not once or evidence.edge.total_ms <= 0:
        return Unavailable("the runner did not time the start")
    start_ms = sum(once.values()) / NS_PER_MS
    factor = start_ms / evidence.edge.total_ms
    if factor < MANY:
        return None
    parts = ", ".join(f"{name} {format_ms(value / NS_PER_MS)}" for name, value in once.items())
    return Finding(
        CAUSE,
        GROUP,
        f"starting costs as much as {factor:.0f} inferences",
        Severity.INFO,
        Unavailable("it happens once, not per inference"),
        parts,
        "once-phases of the runner",
        (
            Remedy(
                "keep the process alive between requests",
                "edgekit run ARTIFACT --board BOARD",
                Unavailable("depends on how often the application starts"),
                Unavailable("not tried"),
            ),
        ),
    )
