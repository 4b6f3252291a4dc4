"""Which candidate is kept, and what is said about the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgekit.core.estimate import Estimate
from edgekit.core.record import Unavailable
from edgekit.core.selection import Candidate
from edgekit.measure.selecting import fastest, marked, nearest, notes_on


def candidate(
    name: str,
    ms: float,
    *,
    size: int = 100,
    drop: float = 0.0,
    missed: str = "",
    spread: float = 0,
) -> Candidate:
    engine, _, recipe = name.partition(" ")
    return Candidate(
        engine,
        recipe,
        size,
        drop_points=drop,
        missed=missed,
        p50_ms=Estimate(ms, ms, ms),
        rounds_ms=(ms - spread, ms + spread),
    )


FLOAT = candidate("litert float", 4.0, size=400)
INT8 = candidate("litert int8-static", 1.0, drop=0.4)
ABSENT = Candidate("openvino", "float", Unavailable("no wheel"))


def test_the_fastest_within_the_budget_is_kept() -> None:
    wrong = candidate("openvino int8-static", 0.5, drop=30, missed="drop 30.00 points")
    assert fastest([FLOAT, INT8, wrong, ABSENT]) is INT8


def test_nothing_is_kept_when_none_keeps_the_budget() -> None:
    tight = [replace(c, missed="drop") for c in (FLOAT, INT8)]
    assert fastest([*tight, ABSENT]) is None
    assert nearest([*tight, ABSENT]).recipe == "float"


def test_of_two_that_cannot_be_told_apart_the_smaller_is_kept() -> None:
    quick = candidate("onnxruntime float", 1.0, size=400, spread=0.2)
    small = candidate("onnxruntime int8-static", 1.1, size=100, spread=0.2)
    assert fastest([quick, small]) is small
    assert list(notes_on([quick, small], small)) == [
        "onnxruntime float cannot be told apart from onnxruntime int8-static in latency"
    ]


@pytest.mark.parametrize("recipe", ["int8-static", "int8-dynamic", "int16x8"])
def test_a_smaller_model_that_is_slower_than_float_is_said_aloud_and_not_kept(
    recipe: str,
) -> None:
    slow = candidate(f"litert {recipe}", 9.0)
    elsewhere = candidate("openvino float", 10.0)
    found = fastest([FLOAT, slow, elsewhere])
    assert found is FLOAT
    notes = list(notes_on([FLOAT, slow, elsewhere], found))
    assert notes == [
        f"litert {recipe} is slower than float on this board (9.00 ms against 4.00 ms): not shipped"
    ]


def test_one_that_only_looks_slower_than_float_stays() -> None:
    noisy = candidate("litert int8-static", 4.2, spread=0.5)
    assert fastest([FLOAT, noisy]) is noisy


def test_the_front_has_no_candidate_that_another_beats() -> None:
    beaten = candidate("litert int8-dynamic", 2.0, size=150, drop=0.4)
    marks = {c.name: c.is_pareto for c in marked([FLOAT, INT8, beaten, ABSENT])}
    assert marks == {
        "litert float": True,  # the most accurate
        "litert int8-static": True,
        "litert int8-dynamic": False,
        "openvino float": False,
    }


def test_of_equal_ones_both_are_on_the_front() -> None:
    same = replace(INT8, engine="openvino")
    assert all(c.is_pareto for c in marked([INT8, same]))
