"""Percentiles, ratios and launches against closed forms, known values and simulated coverage."""

from __future__ import annotations

import doctest
import random
import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.core import early_stopping
from edgekit.core.estimate import Estimate
from edgekit.core.record import Unavailable
from edgekit.measure import stats
from edgekit.measure.stats import ratio
from edgekit.measure.stats.launches import student_95
from edgekit_runner import quantiles
from series import autoregressive

VALUES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=200)


@pytest.mark.parametrize("module", [quantiles, ratio, early_stopping])
def test_examples_in_docstrings(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0


@given(VALUES)
def test_percentiles_stay_inside_and_grow(values: list[float]) -> None:
    ordered = sorted(values)
    found = [stats.percentile(ordered, q) for q in (0.0, 0.25, 0.5, 0.9, 1.0)]
    assert found[0] == ordered[0]
    assert found[-1] == ordered[-1]
    assert all(a <= b * (1 + 1e-12) for a, b in pairwise(found))
    assert stats.percentile(ordered, 0.5) == pytest.approx(statistics.median(values))


@pytest.mark.parametrize("q", [0.5, 0.9, 0.95, 0.99, 0.999])
def test_a_percentile_is_refused_below_its_sample_size(q: float) -> None:
    needed = {0.5: 6, 0.9: 36, 0.95: 72, 0.99: 368, 0.999: 3688}[q]
    assert stats.minimum_count(q) == needed
    assert stats.rank_interval(needed, q) is not None
    assert stats.rank_interval(needed - 1, q) is None


def test_rank_interval_of_the_median_is_the_sign_test() -> None:
    # n = 100: ranks 40 and 61, the classical table of the binomial
    assert stats.rank_interval(100, 0.5) == (0.40, 0.61)


@pytest.mark.parametrize(
    ("rho", "q", "count"),
    [(0.0, 0.5, 1000), (0.8, 0.5, 1000), (0.8, 0.95, 2000), (0.0, 0.95, 150)],
)
def test_nominal_95_percent_intervals_cover_the_truth(rho: float, q: float, count: int) -> None:
    generator = random.Random(20261125)
    truth = statistics.NormalDist(10, 1).inv_cdf(q)
    rounds = 400
    found = [
        stats.quantile_estimate(autoregressive(generator, count, rho), q) for _ in range(rounds)
    ]
    estimates = [item for item in found if isinstance(item, Estimate)]
    assert len(estimates) > 0.97 * rounds
    hits = sum(item.low <= truth <= item.high for item in estimates)
    assert 0.93 <= hits / len(estimates) < 0.995


def test_intervals_of_dependent_samples_are_wider() -> None:
    generator = random.Random(3)
    series = autoregressive(generator, 600, 0.8)
    shuffled = series[:]
    generator.shuffle(shuffled)
    dependent, independent = (stats.quantile_estimate(s, 0.5) for s in (series, shuffled))
    assert isinstance(dependent, Estimate)
    assert isinstance(independent, Estimate)
    assert dependent.high - dependent.low > 1.5 * (independent.high - independent.low)
    # an AR(1) 0.8 series is worth 1 / 6.4 of its samples for the median (sum of arcsines)
    assert 50 < stats.independent_count(series) < 170
    assert stats.independent_count(shuffled) > 400


def test_constant_samples_are_independent_and_certain() -> None:
    assert stats.independent_count([5.0] * 50) == 50
    found = stats.quantile_estimate([5.0] * 50, 0.5)
    assert found == Estimate(5.0, 5.0, 5.0, 0.95)


def test_a_drifting_median_is_bounded_by_all_it_has_seen() -> None:
    found = stats.quantile_estimate([float(i) for i in range(1, 101)], 0.5)
    assert found == Estimate(50.5, 1.0, 100.0, 0.95)


def test_the_difference_of_medians_has_its_interval_around_the_truth() -> None:
    generator = random.Random(1)
    hits = 0
    for _ in range(200):
        slow = stats.quantile_estimate([generator.gauss(20, 2) for _ in range(200)], 0.5)
        fast = stats.quantile_estimate([generator.gauss(15, 2) for _ in range(200)], 0.5)
        assert isinstance(slow, Estimate)
        assert isinstance(fast, Estimate)
        found = stats.difference_of(slow, fast)
        hits += found.low <= 5 <= found.high
        assert 3.5 < found.low < found.high < 6.5
    assert hits >= 0.93 * 200


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(0.9, "faster"), (1.1, "slower"), (1.0, "equivalent"), (1.02, "undecided")],
)
def test_the_verdict_over_two_runs(factor: float, verdict: str) -> None:
    generator = random.Random(11)
    sigma, count = (0.02, 400) if verdict != "undecided" else (0.4, 200)
    first = [factor * generator.lognormvariate(0, sigma) for _ in range(count)]
    second = [generator.lognormvariate(0, sigma) for _ in range(count)]
    found = stats.ratio_of_runs([first], [second])
    assert isinstance(found, stats.Ratio)
    assert found.estimate.low <= factor <= found.estimate.high
    assert found.verdict.value == verdict


def test_launches_that_differ_widen_what_one_launch_would_claim() -> None:
    generator = random.Random(5)
    hits = alone = 0
    advices, ratios = set(), []
    for _ in range(200):
        offsets = [generator.gauss(10, 0.5) for _ in range(5)]
        launches = [[generator.gauss(offset, 0.2) for _ in range(100)] for offset in offsets]
        found = stats.launches_of(launches)
        assert isinstance(found, stats.Launches)
        hits += found.estimate.low <= 10 <= found.estimate.high
        one = stats.quantile_estimate(launches[0], 0.5)
        assert isinstance(one, Estimate)
        alone += one.low <= 10 <= one.high
        advices.add(found.advice)
        ratios.append(found.between_share / found.within_share)
    assert hits >= 0.92 * 200
    assert alone < 0.3 * 200  # what a single launch says about the next one
    assert advices == {"more launches"}
    assert 10 < statistics.median(ratios) < 40  # 0.5 between, 0.2 / sqrt(100) * 1.25 within


def test_launches_that_agree_say_so_and_one_launch_says_nothing() -> None:
    generator = random.Random(6)
    launches = [[generator.gauss(10, 1) for _ in range(100)] for _ in range(6)]
    found = stats.launches_of(launches)
    assert isinstance(found, stats.Launches)
    assert found.advice == "longer launches"
    assert isinstance(stats.launches_of(launches[:1]), Unavailable)
    assert isinstance(stats.launches_of([[1.0, 2.0], [1.0, 2.0]]), Unavailable)


def test_the_quantiles_of_student() -> None:
    assert student_95(4) == 2.776
    assert student_95(30) == pytest.approx(2.042, abs=0.002)
    assert student_95(1000) == pytest.approx(1.962, abs=0.001)


def test_early_stopping_as_mlperf_computes_it() -> None:
    # smallest numbers of queries by the rules: 64, 662 and 6636
    assert [early_stopping.passing_queries(1, q) + 1 for q in (0.9, 0.99, 0.999)] == [
        64,
        662,
        6636,
    ]
    values = [float(i) for i in range(1, 65)]
    assert stats.early_stopping_estimate(values, 0.9) == 64.0
    assert isinstance(stats.early_stopping_estimate(values[:-1], 0.9), Unavailable)
    generator = random.Random(9)
    truth = statistics.NormalDist(10, 1).inv_cdf(0.9)
    above = 0
    for _ in range(300):
        bound = stats.early_stopping_estimate([generator.gauss(10, 1) for _ in range(1024)], 0.9)
        assert isinstance(bound, float)
        above += bound >= truth
    assert above >= 0.97 * 300


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
