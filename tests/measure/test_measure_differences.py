"""What changed between two runs or artifacts, and over a folder of them."""

from __future__ import annotations

import dataclasses
import random

import pytest

from edgekit.core.artifact import Accuracy
from edgekit.core.difference import Judgement
from edgekit.core.measurement import Measurement
from edgekit.core.mode import Mode
from edgekit.core.record import Unavailable
from edgekit.measure.differences import diff_artifacts, diff_runs
from edgekit.measure.history import history_of
from samples import artifact_card, measurement


def run(factor: float, number: int, *, count: int = 400, day: int = 1) -> Measurement:
    """Independent samples around ``factor`` ms."""
    draw = random.Random(number)
    infer = tuple(int(1e6 * factor + draw.gauss(0, 20_000)) for _ in range(count))
    samples = {
        "preprocess": (300_000,) * count,
        "infer": infer,
        "postprocess": (5_000,) * count,
        "total": tuple(305_000 + value for value in infer),
    }
    return dataclasses.replace(
        measurement(samples),
        id=f"run-{number}",
        measured_utc=f"2026-11-{day:02}T12:00:00Z",
    )


@pytest.mark.parametrize(
    ("factor", "judgement"),
    [(1.0, Judgement.SAME), (1.5, Judgement.WORSE), (0.5, Judgement.BETTER)],
)
def test_a_run_is_judged_against_the_one_before(factor: float, judgement: Judgement) -> None:
    found = diff_runs(run(1.0, 1), run(factor, 2))
    assert found.figure("infer p50").judgement is judgement
    assert found.figure("total p50").judgement is judgement
    assert found.figure("preprocess p50").judgement is Judgement.SAME
    assert found.changes == ()


def test_few_samples_decide_nothing() -> None:
    found = diff_runs(run(1.0, 1, count=5), run(1.04, 2, count=5))
    assert found.figure("total p50").judgement is Judgement.UNDECIDED
    assert isinstance(found.figure("total p99").ratio, Unavailable)


def test_what_else_changed_is_named_and_other_machines_are_told() -> None:
    other = dataclasses.replace(run(1.0, 2), engine_version="2.4.0", mode=Mode.EMULATED)
    found = diff_runs(run(1.0, 1), other)
    assert {(c.what, c.before, c.after) for c in found.changes} == {
        ("engine", "litert 2.3.0", "litert 2.4.0"),
        ("mode", "measured", "emulated"),
    }
    assert "different machines" in found.notes[0]


def test_artifacts_differ_in_size_accuracy_and_recipe() -> None:
    before = dataclasses.replace(
        artifact_card(),
        size_bytes=18_600_000,
        accuracy=Accuracy("top-1", "labelled", 1000, 0.9, 0.9, 0.0, 0.0),
    )
    after = dataclasses.replace(
        before,
        size_bytes=5_270_000,
        recipe="int8-static",
        accuracy=Accuracy("top-1", "labelled", 1000, 0.9, 0.86, 2.0, 6.0),
    )
    found = diff_artifacts(before, after)
    assert found.figure("size").judgement is Judgement.BETTER
    assert found.figure("multiply-accumulates").judgement is Judgement.SAME
    assert found.figure("accuracy (top-1)").judgement is Judgement.WORSE
    assert [change.what for change in found.changes] == ["recipe"]
    nearly = dataclasses.replace(
        after, accuracy=Accuracy("top-1", "labelled", 1000, 0.9, 0.89, -1.0, 3.0)
    )
    assert (
        diff_artifacts(before, nearly).figure("accuracy (top-1)").judgement is Judgement.UNDECIDED
    )


def test_a_regression_is_against_the_best_and_ends_when_it_is_cured() -> None:
    runs = [run(1.0, 1, day=1), run(0.8, 2, day=2), run(1.0, 3, day=3), run(0.8, 4, day=4)]
    (line,) = history_of([runs[2], runs[0], runs[3], runs[1], runs[1]])
    assert [entry.measurement for entry in line.entries] == ["run-1", "run-2", "run-3", "run-4"]
    assert [entry.is_regression for entry in line.entries] == [False, False, True, False]
    against = [entry.against_previous for entry in line.entries[1:]]
    assert [found and found.judgement for found in against] == [
        Judgement.BETTER,
        Judgement.WORSE,
        Judgement.BETTER,
    ]


def test_other_settings_are_another_line() -> None:
    one, two = run(1.0, 1), run(2.0, 2)
    two = dataclasses.replace(two, options=dataclasses.replace(two.options, threads=4))
    broken = dataclasses.replace(run(9.0, 3), incomplete="the board was lost")
    lines = history_of([one, two, broken])
    assert [len(line.entries) for line in lines] == [1, 1]
    assert [line.subject.threads for line in lines] == [2, 4]
