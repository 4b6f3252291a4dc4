"""Thermal throttling: the board lowered its clock to stay cool or within its power."""

from __future__ import annotations

from bisect import bisect_left

from edgekit.core.lag import Confidence, Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.edge_parts import LOST_CLOCK, SLOW_GOVERNORS, lost_clock
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, carved_share, cause
from edgekit.explain.ledger import time_of
from edgekit.explain.remedies import probe

CAUSE = "hardware-throttling"
GROUP = "hardware"
NEEDS = "clock, temperature and throttle bits beside the samples"
SOURCE = "Raspberry Pi documentation, vcgencmd get_throttled and frequency management"
NOW = 0xF
"""Bits 0-3 say what holds now."""
SUSTAINED_NS = 120 * 10**9
MINUTE_NS = 60 * 10**9


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Throttle bits, cooling levels, and the clock during the run against the board's best."""
    conditions = evidence.measurement.conditions
    bits = [int(c.throttled, 16) for c in conditions if c.throttled]
    levels = [c.cooling_level for c in conditions if c.cooling_level is not None]
    lost = lost_clock(evidence.measurement, evidence.records)
    if not bits and not levels and isinstance(lost, Unavailable):
        return Unavailable("the board shows neither clock, cooling level nor throttle bits")
    is_throttled = any(value & NOW for value in bits) or any(levels)
    clock_lost, clock_text = (0.0, "") if isinstance(lost, Unavailable) else lost
    if not is_throttled and clock_lost < LOST_CLOCK:
        return None
    if not is_throttled and _is_slow_governor(evidence):
        return None
    degrees = [c.temperature_c for c in conditions if c.temperature_c is not None]
    parts = [clock_text] if clock_text else []
    parts += [f"{max(degrees):.0f} C at most"] if degrees else []
    parts += [f"throttle bits {max(bits):#x}"] if any(bits) else []
    parts += _minutes(evidence)
    remedy = Remedy(
        "cool the board and feed it properly, then look again",
        probe(evidence),
        time_of(evidence.edge, "throttling"),
        Confidence.MEDIUM,
    )
    title = "the board slowed itself down" if is_throttled else "the clock stays below its best"
    severity = Severity.SEVERE if is_throttled else None
    share = carved_share(evidence, "throttling")
    rule = Rule(CAUSE, GROUP, SOURCE)
    return cause(rule, title, share, "; ".join(parts), remedy, severity=severity)


def _is_slow_governor(evidence: Evidence) -> bool:
    return evidence.facts is not None and evidence.facts.governor in SLOW_GOVERNORS


def _minutes(evidence: Evidence) -> list[str]:
    """Of a run over minutes: the first against the last one."""
    starts, totals = evidence.measurement.starts_ns, evidence.measurement.samples_ns["total"]
    if not starts or starts[-1] < SUSTAINED_NS:
        return []
    first = sorted(totals[: bisect_left(starts, MINUTE_NS)])
    last = sorted(totals[bisect_left(starts, starts[-1] - MINUTE_NS) :])
    before_ms, after_ms = first[len(first) // 2] / 1e6, last[len(last) // 2] / 1e6
    return [f"first minute {format_ms(before_ms)}, last minute {format_ms(after_ms)}"]
