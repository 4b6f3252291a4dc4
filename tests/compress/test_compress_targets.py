"""Targets in words, and what meets them."""

from __future__ import annotations

import pytest

from edgekit.compress.targets import parse_target
from edgekit.core.compression import NOT_TIMED, Standing, Timing
from edgekit.core.errors import UsageFault
from edgekit.core.mode import Mode
from edgekit.core.record import Unavailable

NO = Unavailable("no labels")


def standing(macs: int = 1000, weight_bytes: int = 400, timing: Timing | None = None) -> Standing:
    return Standing(macs, weight_bytes // 4, weight_bytes, NO, NO, timing or NOT_TIMED)


def timing(p50_ms: float, p95_ms: float | None = None, share: float | None = None) -> Timing:
    return Timing(p50_ms, "here", Mode.MEASURED, p95_ms, share)


@pytest.mark.parametrize(
    ("text", "metric", "limit", "is_relative"),
    [
        ("macs<=0.5x", "macs", 0.5, True),
        ("macs <= 10M", "macs", 10e6, False),
        ("size<200kB", "size", 200e3, False),
        ("params<=1.5M", "params", 1.5e6, False),
        ("latency<=0.6x", "latency", 0.6, True),
        ("p95<20ms", "p95", 20.0, False),
        ("p50<900us", "p50", 0.9, False),
    ],
)
def test_targets_are_read(text: str, metric: str, limit: float, is_relative: bool) -> None:
    found = parse_target(text)
    assert (found.metric, found.is_relative) == (metric, is_relative)
    assert found.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    "text",
    ["", "macs", "macs>=0.5x", "macs<=1.5x", "macs<=0x", "latnecy<=0.6x", "size<=3ms", "p95<0"],
)
def test_what_is_no_target_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageFault) as err:
        parse_target(text)
    assert "--target" in err.value.hint


def test_a_misspelt_figure_gets_the_near_one() -> None:
    with pytest.raises(UsageFault, match="latency"):
        parse_target("latnecy<=0.6x")


def test_a_share_is_of_the_original() -> None:
    target = parse_target("macs<=0.5x")
    assert not target.missed(standing(500), standing(1000))
    assert "501 instead of 500" in target.missed(standing(501), standing(1000))


def test_a_time_needs_a_timing() -> None:
    target = parse_target("p95<20ms")
    assert "not timed" in target.missed(standing(), standing())
    assert not target.missed(standing(timing=timing(9, 19.5)), standing())
    assert "too few samples" in target.missed(standing(timing=timing(9)), standing())


def test_times_taken_in_turns_count_more_than_two_that_lie_apart() -> None:
    target = parse_target("latency<=0.6x")
    original = standing(timing=timing(1.0))
    assert not target.missed(standing(timing=timing(0.9, share=0.55)), original)
    assert "0.65x" in target.missed(standing(timing=timing(0.5, share=0.65)), original)
    assert not target.missed(standing(timing=timing(0.5)), original)
