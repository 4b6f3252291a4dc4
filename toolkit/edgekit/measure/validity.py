"""Should a number be trusted? Notes from the samples and the conditions beside them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.core.measurement import Condition, Level, ValidityNote
from edgekit.core.record import Unavailable
from edgekit.measure.stats import median, minimum_count, trend

DRIFT_SHARE = 0.05
"""Change over a run that matters: half of the smallest speed-up that people act on."""
DRIFT_P_VALUE = 0.01
WAIT_SHARE = 0.05
PRESSURE_SHARE = 0.1
"""Of the time some task waited for a processor: idle machines show 2 %, three hogs 60 %."""
CLOCK_SHARE = 0.05
THROTTLE_NOW = 0xF
"""Bits 0-3: under-voltage, frequency capped, throttled, soft limit. Source: vcgencmd manual."""


def judge_samples(total_ns: Sequence[int]) -> list[ValidityNote]:
    """Too few samples, or a drift through them."""
    notes = []
    needed = minimum_count(0.95)
    if len(total_ns) < needed:
        notes.append(
            ValidityNote(
                "few-samples",
                Level.INFO,
                f"{len(total_ns)} samples do not bound p95; {needed} would",
            )
        )
    change, p_value = trend([float(value) for value in total_ns])
    if abs(change) > DRIFT_SHARE and p_value < DRIFT_P_VALUE:
        direction = "slower" if change > 0 else "faster"
        notes.append(
            ValidityNote(
                "drift",
                Level.WARNING,
                f"the run got {abs(change):.0%} {direction} from begin to end",
            )
        )
    return notes


def judge_conditions(
    conditions: Sequence[Condition], wait_ns: int | Unavailable, busy_ns: int
) -> list[ValidityNote]:
    """Throttling, changing clocks, other load on the board.

    Args:
        conditions: in time order.
        wait_ns: time that the process waited for a processor.
        busy_ns: time of the timed part, times the threads that could have waited.
    """
    notes = []
    first, last = (conditions[0], conditions[-1]) if conditions else (None, None)
    bits = [int(c.throttled, 16) for c in conditions if c.throttled]
    if any(value & THROTTLE_NOW for value in bits):
        notes.append(
            ValidityNote(
                "throttled",
                Level.INVALID,
                f"the firmware slowed the board down during the run (bits {max(bits):#x})",
            )
        )
    clocks = [c.clock_mhz for c in conditions if c.clock_mhz]
    if clocks and (max(clocks) - min(clocks)) / median(clocks) > CLOCK_SHARE:
        notes.append(
            ValidityNote(
                "clock-changed",
                Level.WARNING,
                f"the clock moved between {min(clocks):.0f} and {max(clocks):.0f} MHz",
            )
        )
    if isinstance(wait_ns, int) and busy_ns > 0 and wait_ns / busy_ns > WAIT_SHARE:
        notes.append(
            ValidityNote(
                "contention",
                Level.WARNING,
                f"the process waited for a processor during {wait_ns / busy_ns:.0%} of the run",
            )
        )
    elif first and last:
        share = _pressure_share(first, last)
        if share > PRESSURE_SHARE:
            notes.append(
                ValidityNote(
                    "contention",
                    Level.WARNING,
                    f"tasks of the board waited for a processor during {share:.0%} of the run",
                )
            )
    return notes


def judge_machine(
    *, stand_in: bool, emulated: bool, machine: str, profile: str
) -> list[ValidityNote]:
    """What really ran is said beside every number."""
    notes = []
    if stand_in:
        notes.append(
            ValidityNote(
                "stand-in",
                Level.WARNING,
                f"measured on {machine}, which stands in for a {profile}: the figures are this "
                "machine's, not the board's",
            )
        )
    if emulated:
        notes.append(
            ValidityNote(
                "emulated",
                Level.WARNING,
                f"measured on an emulated machine ({machine}): only ratios mean something",
            )
        )
    return notes


def _pressure_share(first: Condition, last: Condition) -> float:
    if first.cpu_pressure_us is None or last.cpu_pressure_us is None:
        return 0.0
    spent_us = (last.at_ns - first.at_ns) / 1e3
    return (last.cpu_pressure_us - first.cpu_pressure_us) / spent_us if spent_us > 0 else 0.0
