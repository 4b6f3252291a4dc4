"""Lines about how a run went, beside its table of phases. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from edgekit.core.early_stopping import early_stopping_estimate
from edgekit.core.measurement import Condition, Measurement
from edgekit.core.record import Unavailable
from edgekit.core.units import NS_PER_MS, format_bytes, format_ms

MINUTE_NS = 60_000_000_000
SUSTAINED_NS = 2 * MINUTE_NS
"""From here on, the first and the last minute are different ones."""
THROTTLE_NOW = 0xF
CLOCK_FELL = 0.9
HOT_C = 60.0
"""Below it a falling clock is the governor's doing. Source: Raspberry Pi documentation, the
lowest soft limit of a Pi (3B+)."""


def run_facts(measurement: Measurement) -> tuple[str, ...]:
    """Where operations ran, throughput, memory, temperature, energy, and what watching cost."""
    lines = []
    if measurement.placement:
        placed = ", ".join(f"{where} {count}" for where, count in measurement.placement.items())
        lines.append(f"operations: {placed}")
    lines += _load(measurement)
    if measurement.ended:
        lines.append(f"ended: {measurement.ended}")
    if measurement.options.policy == "mlperf-singlestream":
        lines.append(_mlperf(measurement))
    lines += _sustained(measurement)
    lines += _conditions(measurement)
    energy, per_sample_mj = measurement.energy, measurement.energy_per_sample_mj
    if not isinstance(energy, Unavailable) and per_sample_mj is not None:
        lines.append(
            f"energy: {per_sample_mj:.3g} mJ per sample at {energy.mean_mw / 1e3:.3g} W "
            f"({energy.source}, {energy.readings} readings)"
        )
    return tuple(lines)


def _mlperf(measurement: Measurement) -> str:
    """The result as MLPerf Inference states it for a single stream."""
    bound = early_stopping_estimate(measurement.samples_ns["total"], 0.9)
    if isinstance(bound, Unavailable):
        return f"by the rules of MLPerf single stream: no p90, {bound.reason}"
    shown = format_ms(bound / NS_PER_MS)
    return f"by the rules of MLPerf single stream: p90 at most {shown} (99 % confidence; no submission)"


def _load(measurement: Measurement) -> list[str]:
    options = measurement.options
    rate_hz = measurement.throughput_hz
    shape = [
        f"{options.rate_hz:g} scheduled per second" if options.rate_hz else "",
        f"{options.concurrency} streams" if options.concurrency > 1 else "",
        f"batch {options.batch}" if options.batch > 1 else "",
        f"{options.variant} inputs" if options.variant != "copied" else "",
    ]
    said = ", ".join(part for part in shape if part) or "one after the other"
    return [f"load: {said}; {rate_hz:.3g} samples per second"] if rate_hz else []


def _conditions(measurement: Measurement) -> list[str]:
    parts = []
    temperatures = [c.temperature_c for c in measurement.conditions if c.temperature_c is not None]
    if temperatures:
        parts.append(f"{temperatures[0]:.1f} C at the start, {max(temperatures):.1f} C at most")
    clocks = [c.firmware_clock_mhz or c.clock_mhz for c in measurement.conditions if c.clock_mhz]
    known = [clock for clock in clocks if clock]
    if known:
        parts.append(f"{min(known):.0f} to {max(known):.0f} MHz")
    first = measurement.conditions[0] if measurement.conditions else None
    if first and first.governor:
        parts.append(f"governor {first.governor}")
    if not isinstance(measurement.peak_memory_bytes, Unavailable):
        parts.append(f"peak memory {format_bytes(measurement.peak_memory_bytes)}")
    if measurement.sampler:
        parts.append(f"watching cost {measurement.sampler.cpu_share:.2%} of a core")
    return ["board: " + ", ".join(parts)] if parts else []


def _sustained(measurement: Measurement) -> list[str]:
    """Of a run over minutes: the first minute against the last, and when the clock fell."""
    starts, totals = measurement.starts_ns, measurement.samples_ns["total"]
    if not starts or starts[-1] < SUSTAINED_NS:
        return []
    first = sorted(totals[: bisect_left(starts, MINUTE_NS)])
    last = sorted(totals[bisect_left(starts, starts[-1] - MINUTE_NS) :])
    before, after = first[len(first) // 2], last[len(last) // 2]
    line = (
        f"first minute {format_ms(before / 1e6)}, last minute {format_ms(after / 1e6)} (p50, "
        f"{after / before - 1:+.1%})"
    )
    moment_ns = throttled_after_ns(measurement.conditions)
    if moment_ns is not None:
        line += f"; slowed down by heat or power after {moment_ns / 1e9:.0f} s"
    return [line]


def throttled_after_ns(conditions: Sequence[Condition]) -> int | None:
    """When the board was first slowed down."""
    return next((begin for begin, _ in throttled_spans(conditions)), None)


def throttled_spans(conditions: Sequence[Condition]) -> Iterator[tuple[int, int]]:
    """From when to when the board was slowed down: by a throttle bit, a cooling level, or its clock.

    A span ends with the first reading that is in order again, or with the last one.
    """
    fastest, begin = 0.0, None
    for condition in conditions:
        bits = int(condition.throttled, 16) & THROTTLE_NOW if condition.throttled else 0
        fastest = max(fastest, condition.clock_mhz or 0.0)
        fell = condition.clock_mhz is not None and condition.clock_mhz < fastest * CLOCK_FELL
        is_hot = (condition.temperature_c or 0) > HOT_C
        if bits or condition.cooling_level or (fell and is_hot):
            begin = condition.at_ns if begin is None else begin
        elif begin is not None:
            yield begin, condition.at_ns
            begin = None
    if begin is not None:
        yield begin, conditions[-1].at_ns
