"""Edge and cloud in turn: order, paired intervals, and rounds as one record."""

from __future__ import annotations

import dataclasses
import random

import pytest

from edgekit.core.comparison import Round, Verdict
from edgekit.core.estimate import Estimate
from edgekit.core.network import TripFailure
from edgekit.core.record import Unavailable, from_plain, to_plain
from edgekit.measure.compare import CompareOptions, compare
from edgekit.measure.rounds import (
    CLOUD,
    EDGE,
    join_measurements,
    join_trips,
    make_order,
    medians_ms,
    share_of,
)
from edgekit.measure.stats import difference_of, paired_difference, paired_ratio
from samples import measurement, trip


def test_each_round_has_both_sides_and_the_order_turns() -> None:
    blocks = make_order(4)
    assert [b.side for b in blocks] == [EDGE, CLOUD, CLOUD, EDGE, EDGE, CLOUD, CLOUD, EDGE]
    assert [b.round for b in blocks] == [0, 0, 1, 1, 2, 2, 3, 3]
    places = {s: sum(i for i, b in enumerate(blocks) if b.side == s) for s in (EDGE, CLOUD)}
    assert places[EDGE] == places[CLOUD], "a drift in time adds as much to either side"
    assert share_of(100, 3, fewest=8) == 34
    assert share_of(10, 5, fewest=8) == 8


def test_drift_cancels_in_pairs_and_not_in_two_series() -> None:
    """Both sides get 3 ms slower per round; the edge is 1 ms faster in every one."""
    edge = [10.0, 13.0, 16.1, 19.0, 22.0]
    cloud = [11.0, 14.0, 17.0, 20.0, 23.0]
    paired = paired_difference(cloud, edge)
    assert isinstance(paired, Estimate)
    assert paired.low > 0.9
    assert paired.high < 1.1
    apart = difference_of(_mean_of(cloud), _mean_of(edge))
    assert apart.low < 0 < apart.high


def _mean_of(values: list[float]) -> Estimate:
    estimate = paired_difference(values, [0.0] * len(values))
    assert isinstance(estimate, Estimate)
    return estimate


def test_paired_intervals_hold_as_often_as_they_say() -> None:
    source = random.Random(7)
    hits = 0
    for _ in range(1000):
        drift = [source.gauss(0, 5) for _ in range(5)]
        edge = [10 + d + source.gauss(0, 0.3) for d in drift]
        cloud = [12 + d + source.gauss(0, 0.3) for d in drift]
        found = paired_difference(cloud, edge)
        assert isinstance(found, Estimate)
        hits += found.low <= 2.0 <= found.high
    assert 930 <= hits <= 970


def test_too_few_rounds_bound_nothing() -> None:
    assert isinstance(paired_difference([1.0, 2.0], [1.0, 1.0]), Unavailable)
    assert isinstance(paired_ratio([1.0], [1.0]), Unavailable)
    ratio = paired_ratio([2.0, 4.0, 8.0], [1.0, 2.0, 4.0])
    assert isinstance(ratio, Estimate)
    assert ratio.value == pytest.approx(2.0)


def test_the_medians_verdict_comes_from_the_rounds() -> None:
    plain = compare(measurement(), [trip(1.5)]).networks[0]
    assert plain.verdict is Verdict.EDGE
    wild = tuple(Round(1.3, cloud) for cloud in (0.6, 3.0, 1.1, 1.4))
    rounds = {"trip-fiber": wild}
    result = compare(measurement(), [trip(1.5)], CompareOptions(rounds=rounds)).networks[0]
    assert result.rounds == wild
    assert result.verdict is Verdict.UNDECIDED, "the rounds differ more than the samples of one"
    two = CompareOptions(rounds={"trip-fiber": wild[:2]})
    assert compare(measurement(), [trip(1.5)], two).networks[0].p50 == plain.p50


def test_rounds_of_the_board_become_one_record() -> None:
    one = dataclasses.replace(measurement(wait_ns=5), timed_ns=7)
    joined = join_measurements([(1_000, one), (9_000_000, one), (20_000_000, one)])
    assert len(joined.starts_ns) == len(joined.samples_ns["total"]) == 1200
    assert list(joined.starts_ns) == sorted(joined.starts_ns)
    assert joined.starts_ns[400] == 8_999_000
    assert (joined.wait_ns, joined.timed_ns, joined.wall_s) == (15, 21, 9.0)
    assert joined.id != one.id
    assert join_measurements([(0, one)]) is one
    blind = dataclasses.replace(one, wait_ns=Unavailable("no schedstat"))
    assert isinstance(join_measurements([(0, one), (10**9, blind)]).wait_ns, Unavailable)


def test_rounds_over_a_network_become_one_trip() -> None:
    lossy = dataclasses.replace(trip(5.0), failures=(TripFailure(3, 9, "timeout", "late"),))
    joined = join_trips([(0, trip(5.0)), (10_000, lossy)])
    assert len(joined.starts_ns) == len(joined.up_bytes) == 200
    assert joined.failures[0].at_ns == 10_003
    assert "failed-requests" in {note.id for note in joined.validity}
    assert joined.summaries["total"].sample_count == 200
    assert from_plain(type(joined), to_plain(joined)) == joined
    pairs = medians_ms([measurement()] * 2, [trip(5.0), lossy])
    assert len(pairs) == 2
    assert pairs[0][1] == pytest.approx(5.02, abs=0.02)


def test_a_phase_that_one_round_lacks_is_left_out() -> None:
    short = trip(5.0)
    fewer = {name: v for name, v in short.samples_ns.items() if name != "server_queue"}
    joined = join_trips([(0, short), (10**9, dataclasses.replace(short, samples_ns=fewer))])
    assert "server_queue" not in joined.samples_ns
    assert len(joined.samples_ns["total"]) == 200
