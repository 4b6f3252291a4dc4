"""Statistics against closed forms, known values and simulated coverage."""

from __future__ import annotations

import doctest
import random
import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.core.measurement import Estimate
from edgekit.core.record import Unavailable
from edgekit.measure import stats

VALUES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=200)


def test_examples_in_docstrings() -> None:
    result = doctest.testmod(stats)
    assert result.attempted > 2
    assert result.failed == 0


@given(VALUES)
def test_percentiles_stay_inside_and_grow(values: list[float]) -> None:
    ordered = sorted(values)
    found = [stats.percentile(ordered, q) for q in (0.0, 0.25, 0.5, 0.9, 1.0)]
    assert found[0] == ordered[0]
    assert found[-1] == ordered[-1]
    assert all(a <= b * (1 + 1e-12) for a, b in pairwise(found))
    assert stats.percentile(ordered, 0.5) == pytest.approx(statistics.median(values))


@pytest.mark.parametrize(("q", "needed"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368)])
def test_a_percentile_is_refused_below_its_sample_size(q: float, needed: int) -> None:
    assert stats.minimum_count(q) == needed
    assert stats.rank_interval(needed, q) is not None
    assert stats.rank_interval(needed - 1, q) is None


def test_rank_interval_of_the_median_is_the_sign_test() -> None:
    # n = 100: ranks 40 and 61, the classical table of the binomial
    interval = stats.rank_interval(100, 0.5)
    assert interval == (0.40, 0.61)


@pytest.mark.parametrize("q", [0.5, 0.95])
def test_intervals_cover_the_truth(q: float) -> None:
    generator = random.Random(7)
    truth = statistics.NormalDist(10, 2).inv_cdf(q)
    hits = 0
    rounds = 300
    for _ in range(rounds):
        found = stats.quantile_estimate([generator.gauss(10, 2) for _ in range(150)], q)
        assert isinstance(found, Estimate)
        hits += found.low <= truth <= found.high
    assert hits / rounds > 0.93


def test_intervals_of_dependent_samples_are_wider() -> None:
    generator = random.Random(3)
    value, series = 0.0, []
    for _ in range(600):
        value = 0.8 * value + generator.gauss(0, 1)
        series.append(10 + value)
    shuffled = series[:]
    generator.shuffle(shuffled)
    dependent, independent = (stats.quantile_estimate(s, 0.5) for s in (series, shuffled))
    assert isinstance(dependent, Estimate)
    assert isinstance(independent, Estimate)
    assert dependent.high - dependent.low > 1.5 * (independent.high - independent.low)
    assert stats.effective_count(series) < 150
    assert stats.effective_count(shuffled) == 600


def test_constant_samples_are_independent_and_certain() -> None:
    found = stats.quantile_estimate([5.0] * 50, 0.5)
    assert found == Estimate(5.0, 5.0, 5.0, 0.95)


def test_the_difference_of_medians_has_its_interval_around_the_truth() -> None:
    generator = random.Random(1)
    slow = [generator.gauss(20, 2) for _ in range(200)]
    fast = [generator.gauss(15, 2) for _ in range(200)]
    found = stats.compare_quantiles(slow, fast, 0.5, lambda a, b: a - b)
    assert found.low < 5 < found.high
    assert found.low > 4
    assert found == stats.compare_quantiles(slow, fast, 0.5, lambda a, b: a - b)


def test_trend_sees_a_drift_and_not_noise() -> None:
    generator = random.Random(5)
    flat = [generator.gauss(10, 1) for _ in range(400)]
    rising = [value + i * 0.01 for i, value in enumerate(flat)]
    assert stats.trend(flat)[1] > 0.01
    change, p_value = stats.trend(rising)
    assert 0.2 < change < 0.5
    assert p_value < 0.001


def test_a_summary_leaves_out_what_it_cannot_know() -> None:
    summary = stats.summarize([1_000_000 + i for i in range(50)])
    assert isinstance(summary.percentiles_ms["p50"], Estimate)
    assert isinstance(summary.percentiles_ms["p99"], Unavailable)
    assert summary.min_ms == 1.0


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=60))
def test_any_samples_can_be_summarized(samples: list[int]) -> None:
    summary = stats.summarize(samples)
    for estimate in summary.percentiles_ms.values():
        if isinstance(estimate, Estimate):
            assert estimate.low <= estimate.value <= estimate.high
