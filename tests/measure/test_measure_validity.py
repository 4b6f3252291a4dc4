"""Every reason to doubt a run is found, with a cure, and a good run has none."""

from __future__ import annotations

import dataclasses
import random

import pytest

from edgekit.core.board import BoardFacts
from edgekit.core.measurement import Condition, Level, ValidityNote
from edgekit.core.record import Unavailable
from edgekit.measure.validity import (
    judge_board,
    judge_conditions,
    judge_incomplete,
    judge_machine,
    judge_samples,
    worst,
)

UNKNOWN = Unavailable("not told")
FACTS = BoardFacts(
    hostname="pi",
    arch="aarch64",
    kernel_arch="aarch64",
    kernel="6.1",
    os_name="Debian 12",
    libc="glibc-2.36",
    python="3.11.2",
    python_abi="cp311",
    cpu_model="Cortex-A72",
    cpu_features=("asimd",),
    cpu_count=4,
    ram_mb=4000,
    ram_available_mb=3000,
    disk_free_mb=9000,
    board_model="Raspberry Pi 4",
    governor="performance",
    clock_mhz=1800.0,
    max_clock_mhz=1800.0,
    temperature_c=50.0,
    throttled="0",
    engines={},
    probed_utc="2026-11-25T00:00:00Z",
    elapsed_ms=1.0,
)


def noisy(count: int, level: int = 1_000_000) -> list[int]:
    generator = random.Random(1)
    return [int(level * generator.lognormvariate(0, 0.02)) for _ in range(count)]


def ids(notes: list[ValidityNote]) -> list[str]:
    assert all(note.cure for note in notes)
    return [note.id for note in notes]


def test_few_samples_and_drift() -> None:
    assert [note.id for note in judge_samples([1000] * 50)] == ["few-samples"]
    rising = [1_000_000 + 2_000 * i + 977 * (i % 13) for i in range(400)]
    assert [note.id for note in judge_samples(rising)] == ["drift"]
    assert judge_samples([1_000_000 + 977 * (i % 13) for i in range(400)]) == []
    assert judge_samples(noisy(400)) == []


def test_conditions_that_spoil_a_run() -> None:
    hot = (
        Condition(0, throttled="0x0", clock_mhz=1800.0),
        Condition(10**9, throttled="0x50004", clock_mhz=1200.0),
    )
    notes = {note.id: note.level for note in judge_conditions(hot, 0, 10**9)}
    assert notes == {"throttled": Level.INVALID, "clock-changed": Level.WARNING}


def test_sticky_throttle_bits_of_the_past_do_not_count() -> None:
    past = (Condition(0, throttled="0x50000"), Condition(10**9, throttled="0x50000"))
    assert judge_conditions(past, 0, 10**9) == []


def test_contention_from_run_queue_or_pressure() -> None:
    assert [n.id for n in judge_conditions((), 10**8, 10**9)] == ["contention"]
    pressed = (Condition(0, cpu_pressure_us=0), Condition(10**9, cpu_pressure_us=300_000))
    unknown = Unavailable("no schedstat")
    assert [n.id for n in judge_conditions(pressed, unknown, 10**9)] == ["contention"]


def test_what_really_ran_is_said() -> None:
    notes = judge_machine(stand_in=True, emulated=False, machine="EPYC", profile="raspberrypi")
    assert [note.id for note in notes] == ["stand-in"]
    assert "EPYC" in notes[0].message
    notes = judge_machine(stand_in=False, emulated=True, machine="max", profile="raspberrypi")
    assert [note.id for note in notes] == ["emulated"]


def test_too_few_samples_for_a_median_are_doubtful() -> None:
    assert [(n.id, n.level) for n in judge_samples([1000] * 5)] == [("few-samples", Level.WARNING)]


def test_a_warm_up_names_the_warm_up_that_would_do() -> None:
    values = noisy(100, 1_300_000) + noisy(500)
    (note,) = judge_samples(values, warmup_runs=20)
    assert note.id == "warm-up"
    begin = int(note.cure.rpartition(" ")[2])
    assert 115 <= begin <= 130


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ([(300, 1_000_000), (300, 1_200_000)], "step"),
        ([(400, 1_200_000), (200, 1_000_000)], "unsteady"),
        ([(200, 1_000_000), (200, 1_200_000), (200, 900_000)], "unsteady"),
    ],
)
def test_levels_that_change_are_told(parts: list[tuple[int, int]], name: str) -> None:
    values = [value for count, level in parts for value in noisy(count, level)]
    assert ids(judge_samples(values)) == [name]


def test_a_change_that_nobody_acts_on_is_no_note() -> None:
    assert judge_samples(noisy(300) + noisy(300, 1_030_000)) == []


def test_a_periodic_disturbance_is_given_in_milliseconds() -> None:
    values = [value * 2 if i % 40 == 0 else value for i, value in enumerate(noisy(2000))]
    starts = [i * 2_500_000 for i in range(2000)]
    (note,) = judge_samples(values, starts)
    assert note.id == "periodic"
    assert "(100 ms)" in note.message


def test_a_clock_that_runs_backwards_invalidates() -> None:
    for notes in (judge_samples([5, -1, 5]), judge_samples([5, 5, 5], [0, 20, 10])):
        assert [(note.id, note.level) for note in notes] == [("clock", Level.INVALID)]


def test_stolen_time_is_doubtful() -> None:
    taken = (Condition(0, steal_ticks=100), Condition(10**9, steal_ticks=110))
    assert ids(judge_conditions(taken, 0, 10**9)) == ["steal"]
    little = (Condition(0, steal_ticks=100), Condition(10**9, steal_ticks=101))
    assert judge_conditions(little, 0, 10**9) == []


def test_the_wrong_board_and_a_slow_governor() -> None:
    assert judge_board(FACTS, (), profile="raspberrypi-4b") == []
    slow = dataclasses.replace(FACTS, governor="powersave")
    (note,) = judge_board(slow, (), profile="raspberrypi-4b")
    assert (note.id, note.level) == ("governor", Level.WARNING)
    (note,) = judge_board(FACTS, ("its userland is armv7l",), profile="raspberrypi-4b")
    assert (note.id, note.level) == ("wrong-board", Level.INVALID)
    assert "armv7l" in note.message


def test_an_incomplete_run_is_invalid() -> None:
    assert judge_incomplete("") == []
    (note,) = judge_incomplete("the link to the board was lost")
    assert (note.id, note.level) == ("incomplete", Level.INVALID)


def test_the_worst_note_stamps() -> None:
    warning = ValidityNote("a", Level.WARNING, "it drifts", "cool it")
    invalid = ValidityNote("b", Level.INVALID, "it throttles", "use a fan")
    assert worst([]) is None
    assert worst([ValidityNote("c", Level.INFO, "few", "more")]) is None
    assert worst([warning, invalid]) == invalid
    assert worst([warning]) == warning
