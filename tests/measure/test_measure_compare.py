"""Verdicts and break-even."""

from __future__ import annotations

import dataclasses

import pytest

from edgekit.core.comparison import Verdict
from edgekit.core.errors import NotComparable
from edgekit.core.estimate import Estimate
from edgekit.core.record import Unavailable
from edgekit.measure.compare import break_even_rtt_ms, compare, decide
from samples import FIBER, measurement, trip


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (5.0, 6.0, Verdict.EDGE),
        (-6.0, -5.0, Verdict.CLOUD),
        (-1.0, 1.0, Verdict.UNDECIDED),
        (0.1, 0.2, Verdict.UNDECIDED),
        (0.31, 0.4, Verdict.EDGE),
    ],
)
def test_a_verdict_needs_its_whole_interval_beyond_the_margin(
    low: float, high: float, expected: Verdict
) -> None:
    assert decide(Estimate((low + high) / 2, low, high), 10.0, 12.0) == expected


def test_the_edge_wins_over_a_far_network_and_loses_to_a_near_one() -> None:
    far = dataclasses.replace(FIBER, id="far", rtt_ms=100.0)
    result = compare(measurement(), [trip(105.0, far), trip(0.5)])
    assert [item.verdict for item in result.networks] == [Verdict.EDGE, Verdict.CLOUD]
    assert result.networks[0].ratio_p50.value > 50
    assert result.edge_p50_ms.value == pytest.approx(1.308, abs=0.01)


def test_break_even_is_where_both_sides_meet() -> None:
    assert break_even_rtt_ms(30.0, 25.0, 10.0) == 15.0
    assert break_even_rtt_ms(2.0, 40.0, 4.0) < 0
    result = compare(measurement(), [trip(6.0)])
    value = result.networks[0].break_even_rtt_ms
    assert isinstance(value, float)
    assert value == pytest.approx(1.308 - (6.02 - 4.0), abs=0.02)


def test_without_a_profile_there_is_no_break_even() -> None:
    result = compare(measurement(), [trip(6.0, None)])
    assert isinstance(result.networks[0].break_even_rtt_ms, Unavailable)


def test_p95_is_left_out_when_a_side_has_too_few_samples() -> None:
    result = compare(measurement(), [trip(50.0, count=30)])
    assert isinstance(result.networks[0].difference_p95_ms, Unavailable)
    assert isinstance(result.networks[0].cloud_p95_ms, Unavailable)


def test_different_models_are_not_compared() -> None:
    other = dataclasses.replace(trip(5.0), model={"name": "dogs", "source_sha256": "b" * 64})
    with pytest.raises(NotComparable, match="another model"):
        compare(measurement(), [other])
    with pytest.raises(NotComparable, match="no cloud trip"):
        compare(measurement(), [])


def test_different_recipes_are_said() -> None:
    assert any("int8-static" in note for note in compare(measurement(), [trip(5.0)]).notes)
