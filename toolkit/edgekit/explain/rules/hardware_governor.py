"""Power-saving governor: the clock is kept low whatever the load."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.explain.edge_parts import SLOW_GOVERNORS, lost_clock
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, carved_share, cause
from edgekit.explain.ledger import time_of

CAUSE = "hardware-governor"
GROUP = "hardware"
NEEDS = "the board's facts or the conditions: governor, clock"
SOURCE = "Linux kernel documentation, CPU performance scaling: powersave requests the lowest clock"
COMMAND = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
"""Typed on the board: edgekit has no root there."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """A governor that holds the clock down."""
    found = [c.governor for c in evidence.measurement.conditions if c.governor]
    facts = evidence.facts
    if facts is not None and not isinstance(facts.governor, Unavailable):
        found.append(facts.governor)
    if not found:
        return Unavailable("the board shows no clock governor")
    slow = next((name for name in found if name in SLOW_GOVERNORS), None)
    if slow is None:
        return None
    lost = lost_clock(evidence.measurement, evidence.records)
    share: float | Unavailable
    if isinstance(lost, Unavailable):
        share, text = lost, f"governor {slow}"
    else:
        share, text = carved_share(evidence, "throttling"), f"governor {slow}; {lost[1]}"
    gain_ms = time_of(evidence.edge, "throttling")
    remedy = Remedy("on the board, hold the clock up", COMMAND, gain_ms, Confidence.MEDIUM)
    severity = Severity.WARNING if isinstance(share, Unavailable) else None
    title = f"the governor {slow} keeps the clock down"
    return cause(Rule(CAUSE, GROUP, SOURCE), title, share, text, remedy, severity=severity)
