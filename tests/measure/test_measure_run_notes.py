"""Notes from how a run went, and the lines about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edgekit.core.measurement import (
    Condition,
    Energy,
    Level,
    OutputCheck,
    RunOptions,
    SamplerCost,
)
from edgekit.measure.collected import Collected
from edgekit.measure.run_notes import (
    judge_cooling,
    judge_energy,
    judge_firmware,
    judge_rate,
    judge_run,
    judge_stalls,
)
from edgekit.report.run_facts import run_facts, throttled_after_ns
from samples import measurement

SECOND = 10**9


def condition(at_s: float, **fields: Any) -> Condition:  # Any: fields of different types
    return Condition(int(at_s * SECOND), **fields)


def test_a_sticky_bit_counts_only_when_it_appears() -> None:
    old = [condition(0, throttled="50000"), condition(9, throttled="50000")]
    assert judge_firmware(old) == []
    (note,) = judge_firmware([old[0], condition(9, throttled="d0000")])
    assert note.level is Level.INVALID
    assert "0x80000" in note.message


def test_a_firmware_clock_below_the_kernels_is_a_throttle() -> None:
    hot = condition(9, clock_mhz=1800.0, firmware_clock_mhz=1400.0)
    (note,) = judge_firmware([condition(0, clock_mhz=1800.0, firmware_clock_mhz=1800.4), hot])
    assert "1400 MHz" in note.message
    assert judge_firmware([hot]) == []


def test_a_cooling_level_slows_the_processor() -> None:
    assert judge_cooling([condition(0, cooling_level=0)]) == []
    (note,) = judge_cooling([condition(0, cooling_level=0), condition(1, cooling_level=3)])
    assert note.id == "throttled"


@pytest.mark.parametrize("resource", ["memory", "io"])
def test_waiting_for_memory_or_storage_is_named(resource: str) -> None:
    key = f"{resource}_pressure_us"
    quiet = [condition(0, **{key: 100}), condition(10, **{key: 1100})]
    assert judge_stalls(quiet) == []
    (note,) = judge_stalls([quiet[0], condition(10, **{key: 2_000_100})])
    assert "20%" in note.message
    assert note.cure


def test_energy_of_few_readings_is_doubtful() -> None:
    slow = Energy("INA3221 VDD_IN", 1000.0, 10 * SECOND, 20, False)
    assert judge_energy(slow)[0].level is Level.WARNING
    assert judge_energy(replace(slow, readings=400))[0].level is Level.INFO
    assert judge_energy(replace(slow, readings=4000)) == []
    assert judge_energy(replace(slow, is_counter=True)) == []


def test_a_rate_is_kept_while_half_begin_in_time() -> None:
    assert judge_rate([60_000] * 20, 10.0) == []
    assert judge_rate([60_000_000] * 20, 10.0)[0].id == "rate-missed"


def test_what_the_runner_told_becomes_notes() -> None:
    collected = Collected(RunOptions("onnxruntime", 1, 10, 0))
    collected.fallback = "3 of 9 nodes run outside XnnpackExecutionProvider"
    collected.outputs = OutputCheck(8, 2)
    collected.sampler = SamplerCost(0.03, 8.0, 5)
    notes = judge_run(collected, {"total": [1] * 10})
    assert [note.id for note in notes] == ["fallback", "bad-outputs", "sampler"]
    assert all(note.cure for note in notes)


def test_a_long_run_tells_its_first_minute_against_its_last() -> None:
    slow_from = 900
    infer = [1_000_000 if i < slow_from else 1_500_000 for i in range(1800)]
    base = measurement({"total": tuple(infer), "infer": tuple(infer)})
    starts = tuple(i * SECOND // 10 for i in range(1800))
    conditions = (
        condition(0, clock_mhz=1800.0, temperature_c=50.0, throttled="0"),
        condition(88, clock_mhz=1500.0, temperature_c=82.0, throttled="0"),
        condition(120, clock_mhz=1800.0, temperature_c=81.0, throttled="80008"),
    )
    found = replace(base, starts_ns=starts, conditions=conditions, timed_ns=180 * SECOND)
    text = "\n".join(run_facts(found))
    assert "first minute 1.00 ms, last minute 1.50 ms (p50, +50.0%)" in text
    assert "after 88 s" in text
    assert "10 samples per second" in text
    short = replace(found, starts_ns=tuple(range(1800)))
    assert "first minute" not in "\n".join(run_facts(short))


def test_an_idle_governor_is_no_throttle() -> None:
    cool = [condition(0, clock_mhz=1800.0), condition(5, clock_mhz=600.0, temperature_c=40.0)]
    assert throttled_after_ns(cool) is None
    assert throttled_after_ns([condition(3, throttled="80008")]) == 3 * SECOND


def test_energy_is_told_per_sample() -> None:
    energy = Energy("INA3221 VDD_IN", 60_000.0, 10 * SECOND, 400, False)
    found = replace(measurement(), energy=energy, timed_ns=10 * SECOND)
    assert found.throughput_hz == 40.0
    assert found.energy_per_sample_mj == pytest.approx(150.0)
    assert any("150 mJ per sample at 6 W" in line for line in run_facts(found))
    assert replace(found, timed_ns=0).energy_per_sample_mj is None
