"""What happens during a run is seen, and what does not happen is not: recall and false alarms."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.measure.stats import Kind, course_of, period_of
from edgekit.measure.stats.periodic import fft
from series import latencies

ROUNDS = 40
LENGTH = 2000
DEPENDENCE = pytest.mark.parametrize("rho", [0.0, 0.8])
Disturbance = Callable[[list[float], random.Random], list[float]]


def drifting(values: list[float], generator: random.Random) -> list[float]:
    """10 % slower at the end than at the begin."""
    return [value * (1 + 0.1 * i / len(values)) for i, value in enumerate(values)]


def throttled(values: list[float], generator: random.Random) -> list[float]:
    """10 % slower from some moment in the middle half on."""
    at = len(values) * generator.uniform(0.25, 0.75)
    return [value * (1.1 if i > at else 1.0) for i, value in enumerate(values)]


def warming(values: list[float], generator: random.Random) -> list[float]:
    """10 % slower in the first fifth."""
    return [value * (1.1 if i < len(values) / 5 else 1.0) for i, value in enumerate(values)]


def swinging(values: list[float], generator: random.Random) -> list[float]:
    """A sine of 5 %."""
    return [value * (1 + 0.05 * math.sin(i / 5.9)) for i, value in enumerate(values)]


def pulsing(values: list[float], generator: random.Random) -> list[float]:
    """Two of every 50 invocations take 20 % longer."""
    return [value * (1.2 if i % 50 < 2 else 1.0) for i, value in enumerate(values)]


@pytest.mark.slow
@DEPENDENCE
@pytest.mark.parametrize(
    ("disturb", "kinds"),
    [
        (drifting, {Kind.DRIFT}),
        (throttled, {Kind.STEP_UP}),
        (warming, {Kind.WARM_UP}),
    ],
)
def test_drift_step_and_warm_up_are_recalled(
    disturb: Disturbance, kinds: set[Kind], rho: float
) -> None:
    generator = random.Random(1)
    series = [disturb(latencies(generator, LENGTH, rho), generator) for _ in range(ROUNDS)]
    found = [course_of(values).kind for values in series]
    assert sum(kind in kinds for kind in found) >= 0.95 * ROUNDS, found


@pytest.mark.slow
@DEPENDENCE
@pytest.mark.parametrize("length", [300, 1000, LENGTH])
def test_steady_runs_raise_no_alarm(rho: float, length: int) -> None:
    generator = random.Random(length)
    series = [latencies(generator, length, rho) for _ in range(2 * ROUNDS)]
    assert sum(course_of(v).kind is not Kind.STEADY for v in series) <= 0.05 * len(series)
    assert sum(period_of(v) is not None for v in series) <= 0.05 * len(series)


@pytest.mark.slow
@DEPENDENCE
@pytest.mark.parametrize(("disturb", "length"), [(swinging, 37.07), (pulsing, 50.0)])
def test_periods_are_recalled_with_their_length(
    disturb: Disturbance, length: float, rho: float
) -> None:
    generator = random.Random(2)
    series = [disturb(latencies(generator, LENGTH, rho), generator) for _ in range(ROUNDS)]
    found = [period_of(values) for values in series]
    near = [p for p in found if p and p.samples == pytest.approx(length, rel=0.02)]
    assert len([p for p in found if p]) >= 0.95 * ROUNDS
    assert len(near) >= 0.9 * ROUNDS
    assert all(0.05 < p.swing < 0.3 for p in near)


def test_a_period_in_time_is_given_in_seconds() -> None:
    generator = random.Random(4)
    values, starts, now = [], [], 0
    for _ in range(4000):
        late = (now // 1_000_000) % 100 < 4  # 4 ms of every 100 ms
        values.append(generator.gauss(1.0, 0.02) * (1.5 if late else 1.0))
        starts.append(now)
        now += int(values[-1] * 1e6)
    found = period_of(values, starts)
    assert found
    assert found.seconds == pytest.approx(0.1, rel=0.01)


def test_the_course_says_where_and_how_much() -> None:
    generator = random.Random(3)
    values = [generator.gauss(10, 0.1) * (1.2 if i >= 600 else 1) for i in range(1000)]
    found = course_of(values)
    assert found.kind is Kind.STEP_UP
    assert abs(found.segments[-1].begin - 600) <= 20
    assert found.segments[0].level == pytest.approx(10, rel=0.01)
    assert found.segments[1].level == pytest.approx(12, rel=0.01)
    assert found.steady_from is None  # the last level covers less than half
    assert course_of(values[300:] + [12.0 + 0.01 * (i % 9) for i in range(700)]).steady_from


def test_drift_is_given_per_minute() -> None:
    generator = random.Random(8)
    starts = [i * 100_000_000 for i in range(3000)]  # five minutes
    values = [generator.gauss(1, 0.02) * (1 + 0.25 * i / 3000) for i in range(3000)]
    found = course_of(values, starts)
    assert found.kind is Kind.DRIFT
    assert found.change == pytest.approx(0.22, abs=0.02)
    assert found.per_minute == pytest.approx(0.045, abs=0.005)


def test_exact_clocks_and_short_runs_have_a_course_too() -> None:
    assert course_of([5.0] * 500).kind is Kind.STEADY
    assert course_of([5.0, 6.0]).kind is Kind.STEADY
    assert course_of([]).kind is Kind.STEADY
    assert course_of([10.0] * 300 + [12.0] * 300).kind is Kind.STEP_UP
    assert course_of([12.0] * 100 + [10.0] * 500).kind is Kind.WARM_UP
    assert course_of([10.0] * 400 + [8.0] * 100).kind is Kind.STEP_DOWN
    assert course_of([10.0] * 100 + [12.0] * 100 + [9.0] * 100).kind is Kind.UNSTEADY
    assert period_of([5.0] * 500) is None


@given(st.lists(st.floats(0.001, 1e9), max_size=300))
def test_any_series_has_a_course(values: list[float]) -> None:
    found = course_of(values)
    assert found.segments[0].begin == 0
    assert found.segments[-1].end == len(values)
    period_of(values)


def test_the_transform_of_a_cosine_is_one_line() -> None:
    wave = [math.cos(2 * math.pi * 3 * i / 64) for i in range(64)]
    found = [abs(value) for value in fft(wave)]
    assert found[3] == pytest.approx(32)
    assert max(found[:3] + found[4:32]) < 1e-9
