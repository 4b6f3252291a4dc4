"""Thermal throttling and a lowered clock, seen beside the samples."""

from __future__ import annotations

from edgekit.core.lag import Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Evidence

CAUSE = "hardware-throttling"
GROUP = "hardware"
NOW = 0xF
"""Bits 0-3 say what holds now. Source: Raspberry Pi documentation, vcgencmd get_throttled."""
LOST = 0.03


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Throttle bits, and the clock during the run against the board's best."""
    conditions = evidence.measurement.conditions
    bits = [int(c.throttled, 16) for c in conditions if c.throttled]
    clocks = [c.clock_mhz for c in conditions if c.clock_mhz]
    degrees = [c.temperature_c for c in conditions if c.temperature_c is not None]
    if not bits and not clocks:
        return Unavailable("the board shows neither clock nor throttle bits")
    best = _best_clock(evidence, clocks)
    mean = sum(clocks) / len(clocks) if clocks else best
    lost = 1 - mean / best if best else 0.0
    throttled = any(value & NOW for value in bits)
    if not throttled and lost < LOST:
        return None
    warm = f", {max(degrees):.0f} C" if degrees else ""
    return Finding(
        CAUSE,
        GROUP,
        "the board slowed itself down" if throttled else "the clock stays below its best",
        Severity.SEVERE if throttled else Severity.WARNING,
        max(lost, 0.0),
        f"mean clock {mean:.0f} of {best:.0f} MHz{warm}"
        + (f", throttle bits {max(bits):#x}" if bits else ""),
        "clock and throttle bits sampled during the run",
        (
            Remedy(
                "cool the board, feed it properly, or set the governor to performance",
                "edgekit boards probe BOARD",
                Unavailable("measure again to know"),
                Unavailable("not tried"),
            ),
        ),
    )


def _best_clock(evidence: Evidence, clocks: list[float]) -> float:
    facts = evidence.facts
    if facts is not None and not isinstance(facts.max_clock_mhz, Unavailable):
        return facts.max_clock_mhz
    return max(clocks, default=0.0)
