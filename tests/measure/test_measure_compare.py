"""Verdicts and break-even."""

from __future__ import annotations

import dataclasses

import pytest

from edgekit.core.comparison import AtQuantile, Cost, EdgeEnergy, EnergyBasis, Verdict
from edgekit.core.errors import ConfigError, GateFailed, NotComparable
from edgekit.core.estimate import Estimate
from edgekit.core.measurement import Energy, Level, ValidityNote
from edgekit.core.mode import Mode
from edgekit.core.network import TripFailure
from edgekit.core.record import Unavailable
from edgekit.measure.compare import (
    CompareOptions,
    break_even_rtt_ms,
    break_even_up_kbit_s,
    compare,
    decide,
)
from edgekit.measure.costs import Prices
from edgekit.measure.gates import parse_condition, require
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
    assert result.networks[0].p50.ratio.value > 50
    p50 = result.edge_ms["p50"]
    assert isinstance(p50, Estimate)
    assert p50.value == pytest.approx(1.308, abs=0.01)


def test_break_even_is_where_both_sides_meet() -> None:
    assert break_even_rtt_ms(30.0, 25.0, 10.0) == 15.0
    assert break_even_rtt_ms(2.0, 40.0, 4.0) < 0
    result = compare(measurement(), [trip(6.0)])
    value = result.networks[0].break_even.rtt_ms
    assert isinstance(value, float)
    assert value == pytest.approx(1.308 - (6.02 - 4.0), abs=0.02)


def test_without_a_profile_there_is_no_break_even() -> None:
    result = compare(measurement(), [trip(6.0, None)])
    assert isinstance(result.networks[0].break_even.rtt_ms, Unavailable)


def test_p95_is_left_out_when_a_side_has_too_few_samples() -> None:
    result = compare(measurement(), [trip(50.0, count=30)])
    assert isinstance(result.networks[0].quantiles["p95"], Unavailable)
    assert isinstance(result.networks[0].quantiles["p50"], AtQuantile)


def test_different_models_are_not_compared() -> None:
    other = dataclasses.replace(trip(5.0), model={"name": "dogs", "source_sha256": "b" * 64})
    with pytest.raises(NotComparable, match="another model"):
        compare(measurement(), [other])
    with pytest.raises(NotComparable, match="no cloud trip"):
        compare(measurement(), [])


def test_different_recipes_are_said() -> None:
    assert any("int8-static" in note for note in compare(measurement(), [trip(5.0)]).notes)


def test_break_even_of_the_uplink() -> None:
    # 10,000 bytes at 1000 kbit/s take 80 ms; without them the cloud takes 20 ms
    assert break_even_up_kbit_s(60.0, 100.0, 10_000, 1000.0) == pytest.approx(2000.0)
    never = break_even_up_kbit_s(15.0, 100.0, 10_000, 1000.0)
    assert isinstance(never, Unavailable)
    assert "any rate" in never.reason


def test_a_smaller_payload_may_turn_the_verdict() -> None:
    slow = dataclasses.replace(FIBER, up_kbit_s=1000.0)
    sent = dataclasses.replace(
        trip(250.0, slow),
        up_bytes=(30_000,) * 100,
        payload_bytes={"jpeg": 30_000.0, "tensor": 600_000.0, "tiny": 20.0},
    )
    found = {other.payload: other for other in compare(measurement(), [sent]).networks[0].what_if}
    assert set(found) == {"tensor", "tiny"}
    assert found["tensor"].cloud_p50_ms == pytest.approx(250 + 570_000 * 8 / 1000, rel=0.01)
    assert found["tiny"].cloud_p50_ms == pytest.approx(250 - 29_980 * 8 / 1000, rel=0.01)


def test_lost_and_late_requests_count_as_missed() -> None:
    lossy = dataclasses.replace(trip(50.0), failures=(TripFailure(0, 1, "timeout", "late"),) * 25)
    result = compare(measurement(), [lossy], CompareOptions(deadline_ms=20.0))
    availability = result.networks[0].availability
    assert (availability.edge_missed_share, availability.cloud_missed_share) == (0.0, 1.0)
    calm = compare(measurement(), [lossy]).networks[0].availability
    assert calm.cloud_missed_share == pytest.approx(0.2)
    assert any("25 of 125" in note for note in result.notes)


def test_the_cost_of_a_million() -> None:
    prices = Prices(edge_watts=5.0, per_kwh=0.3, cloud_per_hour=3.6)
    cost = compare(measurement(), [trip(50.0)], CompareOptions(prices=prices)).cost
    assert isinstance(cost, Cost)
    assert isinstance(cost.edge_energy_kwh, float)
    # 1.308 ms at 5 W are 6.54 mJ; a million of them 6540 J
    assert cost.edge_energy_kwh == pytest.approx(6540 / 3.6e6, rel=0.01)
    assert cost.cloud_price == pytest.approx(3.6 * 3.0 / 3.6e6 * 1e6)
    assert isinstance(compare(measurement(), [trip(50.0)]).cost, Unavailable)


SENSED = Energy("INA3221", energy_mj=4000.0, span_ns=2_000_000_000, readings=80, is_counter=False)


def test_the_energy_of_an_inference_says_where_it_comes_from() -> None:
    board = measurement()
    unknown = compare(board, [trip(50.0)]).energy
    assert isinstance(unknown, Unavailable)
    assert "--edge-watts" in unknown.reason
    derived = compare(board, [trip(50.0)], CompareOptions(supply_w=15.0)).energy
    assert isinstance(derived, EdgeEnergy)
    assert derived.basis is EnergyBasis.DERIVED
    assert derived.per_inference_mj == pytest.approx(19.6, rel=0.01)
    assert derived.how.startswith("at most")
    # 400 invocations in 2 s at 2 W: 10 mJ each
    sensed = dataclasses.replace(board, energy=SENSED, timed_ns=2_000_000_000)
    found = compare(sensed, [trip(50.0)], CompareOptions(supply_w=15.0)).energy
    assert isinstance(found, EdgeEnergy)
    assert found.basis is EnergyBasis.MEASURED
    assert found.per_inference_mj == pytest.approx(10.0)
    given = CompareOptions(prices=Prices(edge_watts=5.0), supply_w=15.0)
    said = compare(sensed, [trip(50.0)], given).energy
    assert isinstance(said, EdgeEnergy)
    assert said.basis is EnergyBasis.GIVEN
    assert said.per_inference_mj == pytest.approx(6.54, rel=0.01)
    priced = CompareOptions(prices=Prices(per_kwh=0.36))
    cost = compare(sensed, [trip(50.0)], priced).cost
    assert isinstance(cost, Cost)
    assert cost.edge_price == pytest.approx(0.001)


def test_a_stand_in_has_not_the_boards_energy() -> None:
    note = ValidityNote("stand-in", Level.WARNING, "another machine")
    for other in (
        dataclasses.replace(measurement(), validity=(note,)),
        dataclasses.replace(measurement(), mode=Mode.EMULATED),
    ):
        found = compare(other, [trip(50.0)], CompareOptions(supply_w=15.0)).energy
        assert isinstance(found, Unavailable)


@pytest.mark.parametrize(
    ("condition", "fails"),
    [
        ("edge.p50>1ms", True),
        ("edge.p50 > 1.4 ms", False),
        ("edge.p50>=1300us", True),
        ("edge.p95>0.02s", False),
        ("cloud.p50<60ms", True),
        ("cloud:fiber.p50>60ms", False),
        ("ratio.p50<10", False),
        ("ratio.p50<100x", True),
        ("cloud.missed>1%", False),
        ("edge.p99>1s", False),
        ("edge.accuracy<90%", True),
    ],
)
def test_conditions_fail_a_command(condition: str, *, fails: bool) -> None:
    result = compare(measurement(), [trip(50.0)])
    conditions = [parse_condition(condition)]
    if not fails:
        require(conditions, result)
        return
    with pytest.raises(GateFailed) as caught:
        require(conditions, result)
    assert caught.value.exit_code == 7
    assert condition.strip() in caught.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("edge", "not a condition"),
        ("egde.p95>20ms", "'egde' is not known"),
        ("edge.p96>20ms", "'p96' is not known"),
        ("edge.p95>20%", "'ms'"),
        ("ratio.p50>3ms", "'x'"),
        ("edge.p95>2.3.4ms", "no number"),
        ("edge.p95=20ms", "not a condition"),
    ],
)
def test_what_is_no_condition(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_condition(text)


def test_a_condition_about_another_network() -> None:
    with pytest.raises(ConfigError, match="no network '5g'"):
        require([parse_condition("cloud:5g.p50>1ms")], compare(measurement(), [trip(50.0)]))
