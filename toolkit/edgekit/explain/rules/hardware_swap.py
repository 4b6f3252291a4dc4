"""Swapping: the board runs out of memory, and tasks wait for pages."""

from __future__ import annotations

from edgekit.core.lag import Finding, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.pressure import pressure_share
from edgekit.explain.remedies import quantize

CAUSE = "hardware-swap"
GROUP = "hardware"
NEEDS = "memory pressure beside the samples"
SOURCE = "Linux kernel documentation, PSI: share of time in which some task waited for memory"
MATTERS = 0.05


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Memory pressure during the run, and what was left of the memory."""
    conditions = evidence.measurement.conditions
    share = pressure_share(conditions, "memory_pressure_us")
    if isinstance(share, Unavailable):
        return share
    if share < MATTERS:
        return None
    free = [c.free_memory_mb for c in conditions if c.free_memory_mb is not None]
    peak = evidence.measurement.peak_memory_bytes
    text = f"tasks waited for memory during {share:.0%} of the run"
    if free:
        text += f"; {min(free)} MB were free at least"
    if not isinstance(peak, Unavailable):
        text += f"; the runner took {format_bytes(peak)}"
    gain_ms = share * evidence.edge.total_ms
    remedy = quantize(evidence, gain_ms)
    rule = Rule(CAUSE, GROUP, SOURCE)
    severity = Severity.SEVERE
    return cause(rule, "the board swaps", share, text, remedy, severity=severity)
