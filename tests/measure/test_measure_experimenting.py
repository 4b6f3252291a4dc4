"""Experiments: which are worth their time, in turn, and what they say."""

from __future__ import annotations

import dataclasses

import pytest

from edgekit.core.errors import RunnerFailed
from edgekit.core.measurement import Measurement, RunOptions
from edgekit.measure.experimenting import Run, experiment
from edgekit.measure.trials import Trial, affordable, plan_trials, with_change
from edgekit.profiles.device import load_profile
from samples import artifact_card, board_facts, measurement

BASE = RunOptions("onnxruntime", 2, 100, 20)
DENORMALS = Trial("denormals-zero", "denormals", {"engine_option.denormals": "zero"}, "infer", 0.9)
THREADS = Trial("threads-1", "threads", {"threads": "1"}, "total", 0.5)


def run_as(speeds: dict[str, float], asked: list[RunOptions]) -> Run:
    """A board on which settings take as long as they are said to."""

    def run(options: RunOptions) -> Measurement:
        asked.append(options)
        name = "base"
        if options.engine_options.get("denormals") == "zero":
            name = "denormals"
        if options.threads == 1:
            name = "threads"
        if name not in speeds:
            raise RunnerFailed("the board cannot do that")
        infer = tuple(int(speeds[name] * 1e6) + 500 * (i % 11) for i in range(60))
        samples = {
            "preprocess": (1000,) * 60,
            "infer": infer,
            "postprocess": (1000,) * 60,
            "total": tuple(value + 2000 for value in infer),
        }
        return dataclasses.replace(measurement(samples), options=options)

    return run


def test_base_and_trials_are_measured_in_turn() -> None:
    asked: list[RunOptions] = []
    run = run_as({"base": 2.0, "denormals": 1.0, "threads": 3.0}, asked)
    outcome = experiment(run, BASE, (DENORMALS, THREADS), budget_s=60.0)
    assert [o.threads for o in asked] == [2, 2, 1, 2, 1, 2]
    denormals, threads = outcome.experiments
    assert denormals.gain_ms.value == pytest.approx(1.0, abs=0.01)
    assert denormals.gain_ms.low > 0.9
    assert threads.gain_ms.high < -0.9
    assert "2.00 ms becomes 1.00 ms" in denormals.told
    assert outcome.failed == ()


def test_a_change_that_does_nothing_has_no_sure_gain() -> None:
    run = run_as({"base": 2.0, "denormals": 2.0}, [])
    (found,) = experiment(run, BASE, (DENORMALS,), budget_s=60.0).experiments
    assert found.gain_ms.low < 0 < found.gain_ms.high


def test_a_trial_that_the_board_refuses_is_told() -> None:
    run = run_as({"base": 2.0, "threads": 1.0}, [])
    outcome = experiment(run, BASE, (DENORMALS, THREADS), budget_s=60.0)
    assert [e.id for e in outcome.experiments] == ["threads-1"]
    assert outcome.failed == (("denormals-zero", "the board cannot do that"),)


def test_the_budget_takes_the_most_informative_first() -> None:
    costly = dataclasses.replace(DENORMALS, id="engine-other", extra_s=20.0)
    trials = (DENORMALS, costly, THREADS)
    chosen = affordable(trials, budget_s=10.0, launch_s=1.0, rounds=2)
    assert [t.id for t in chosen] == ["denormals-zero", "threads-1"]
    assert affordable(trials, budget_s=3.0, launch_s=1.0, rounds=2) == ()
    assert affordable(trials, budget_s=60.0, launch_s=1.0, rounds=2) == trials


def planned(**changes: object) -> list[str]:
    options = dataclasses.replace(BASE, **changes)  # type: ignore[arg-type]  # a test
    measured = dataclasses.replace(measurement(), engine=options.engine, options=options)
    profile = load_profile("raspberrypi-4b")
    return [t.id for t in plan_trials(measured, artifact_card(), board_facts(), profile)]


def test_what_is_planned_follows_from_the_run() -> None:
    usual = planned()
    assert usual[0] == "denormals-zero"
    assert {"inputs-in-place", "spinning-off", "threads-1", "threads-4", "engine-openvino"} <= set(
        usual
    )
    assert "tight-loop" not in usual
    assert "optimized" not in usual
    assert planned(rate_hz=5.0)[0] == "tight-loop"
    assert planned(threads=8)[0] == "threads-fit"
    assert "optimized" in planned(engine_options={"optimization": "off"})
    assert "batch-1" in planned(batch=8)
    assert "single-stream" in planned(concurrency=2)
    assert "denormals-zero" not in planned(engine_options={"denormals": "zero"})


def test_a_change_of_engine_leaves_the_others_options_behind() -> None:
    base = dataclasses.replace(BASE, engine_options={"spinning": "off"})
    assert with_change(base, {"engine": "openvino"}).engine_options == {}
    changed = with_change(base, {"cores": "2,3", "rate_hz": "0", "batch": "4"})
    assert (changed.cores, changed.rate_hz, changed.batch) == ((2, 3), 0.0, 4)
