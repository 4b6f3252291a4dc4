"""Notes that come from how the run itself went: fallbacks, bad outputs, lateness, energy. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgekit.core.measurement import Condition, Energy, Level, ValidityNote
from edgekit.core.record import Unavailable
from edgekit.measure.collected import Collected
from edgekit.measure.stats import median

LATE_SHARE = 0.5
"""Of the interval between scheduled starts: beyond it, work has piled up."""
SAMPLER_SHARE = 0.01
STICKY_BITS = 0xF0000
"""Bits 16-19: what bits 0-3 say has happened since boot. Source: vcgencmd manual."""
CLOCK_SHARE = 0.05
STALL_SHARE = 0.05
ENERGY_HZ = 350
"""Source: arXiv 2206.10377 (Odroid-XU4): slower sampling misjudges short runs by up to 80 %."""
ENERGY_READINGS = 100
"""A long run at slow sampling still averages well over so many readings."""


def judge_run(collected: Collected, samples: Mapping[str, Sequence[int]]) -> list[ValidityNote]:
    """Notes on one run, from everything that the runner told."""
    notes = []
    if collected.fallback:
        notes.append(
            ValidityNote(
                "fallback",
                Level.WARNING,
                collected.fallback,
                "see where the time goes: --profile-ops; or choose the other provider at once",
            )
        )
    checked = collected.outputs
    if checked and checked.bad:
        text = f"outputs of {checked.bad} of {checked.checked} inferences hold NaN or infinity"
        cure = "check the input data, or convert with another recipe: --recipe int8-static"
        notes.append(ValidityNote("bad-outputs", Level.WARNING, text, cure))
    sampler = collected.sampler
    if sampler and sampler.cpu_share > SAMPLER_SHARE:
        text = f"watching the board cost {sampler.cpu_share:.1%} of a core"
        notes.append(ValidityNote("sampler", Level.WARNING, text, "run longer: --duration 60s"))
    rate_hz = collected.options.rate_hz
    if rate_hz and "lateness" in samples:
        notes += judge_rate(samples["lateness"], rate_hz)
    if not isinstance(collected.energy, Unavailable):
        notes += judge_energy(collected.energy)
    conditions = collected.conditions
    return (
        notes + judge_cooling(conditions) + judge_firmware(conditions) + judge_stalls(conditions)
    )


def judge_rate(lateness_ns: Sequence[int], rate_hz: float) -> list[ValidityNote]:
    """Whether the board kept up with the rate."""
    interval_ns = 1e9 / rate_hz
    late_ns = median([float(value) for value in lateness_ns])
    if late_ns <= LATE_SHARE * interval_ns:
        return []
    text = (
        f"the board cannot keep {rate_hz:g} per second: half of the invocations began over "
        f"{late_ns / 1e6:.3g} ms late"
    )
    return [ValidityNote("rate-missed", Level.WARNING, text, "a lower --rate, or a faster model")]


def judge_energy(energy: Energy) -> list[ValidityNote]:
    """Whether the sensor was read often enough for the energy to mean something."""
    if energy.is_counter or energy.readings_hz >= ENERGY_HZ:
        return []
    level = Level.INFO if energy.readings >= ENERGY_READINGS else Level.WARNING
    text = (
        f"the energy comes from {energy.readings} readings at {energy.readings_hz:.2g} per second; "
        f"peaks between them are missed"
    )
    return [ValidityNote("energy-sampling", level, text, "run longer: --duration 5min")]


def judge_cooling(conditions: Sequence[Condition]) -> list[ValidityNote]:
    """Whether the kernel slowed the processor down to cool it."""
    levels = [c.cooling_level for c in conditions if c.cooling_level is not None]
    if not levels or max(levels) == 0:
        return []
    text = f"the kernel slowed the processor down to cool it (level {max(levels)})"
    return [ValidityNote("throttled", Level.INVALID, text, "cool the board, then run again")]


def judge_firmware(conditions: Sequence[Condition]) -> list[ValidityNote]:
    """Whether the firmware slowed the board down between or behind the readings.

    Sticky bits cannot be cleared: only one that appears during the run says something about it. A
    firmware clock below the kernel's is a throttle that cpufreq does not see.
    """
    if len(conditions) < 2:
        return []
    cure = "cool the board and give it a stronger power supply, then run again"
    first, last = conditions[0], conditions[-1]
    notes = []
    if first.throttled and last.throttled:
        appeared = ~int(first.throttled, 16) & int(last.throttled, 16) & STICKY_BITS
        if appeared:
            text = f"the firmware slowed the board down between two readings (bits {appeared:#x})"
            notes.append(ValidityNote("throttled", Level.INVALID, text, cure))
    for condition in (first, last):
        real, shown = condition.firmware_clock_mhz, condition.clock_mhz
        if real and shown and real < shown * (1 - CLOCK_SHARE):
            text = (
                f"the firmware ran the processor at {real:.0f} MHz, the kernel shows {shown:.0f}"
            )
            notes.append(ValidityNote("throttled", Level.INVALID, text, cure))
            break
    return notes


def judge_stalls(conditions: Sequence[Condition]) -> list[ValidityNote]:
    """Whether tasks waited for memory or storage during the run."""
    if len(conditions) < 2 or conditions[-1].at_ns <= conditions[0].at_ns:
        return []
    first, last = conditions[0], conditions[-1]
    spent_us = (last.at_ns - first.at_ns) / 1e3
    notes = []
    for name, before, after, cure in (
        ("memory", first.memory_pressure_us, last.memory_pressure_us, "free memory on the board"),
        ("storage", first.io_pressure_us, last.io_pressure_us, "stop what reads or writes there"),
    ):
        if before is None or after is None:
            continue
        share = (after - before) / spent_us
        if share > STALL_SHARE:
            text = f"tasks of the board waited for {name} during {share:.0%} of the run"
            notes.append(ValidityNote(f"{name}-pressure", Level.WARNING, text, cure))
    return notes
