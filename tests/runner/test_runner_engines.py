"""The contract that every engine file fulfils, whatever discovery finds."""

from __future__ import annotations

import pytest

from edgekit.boards.wheelhouse import REQUIREMENTS
from edgekit.convert.routes import ENGINE_FORMAT
from edgekit_runner import engines
from edgekit_runner.counters import mean_counters, mean_since
from edgekit_runner.engines.contract import (
    BOUND,
    COPIED,
    NATIVE,
    OperationTime,
    Session,
    Tensor,
    choose,
    require_free_batch,
)
from edgekit_runner.failure import Failure
from edgekit_runner.onnx_profile import parse_trace
from edgekit_runner.prefixes import monotone
from edgekit_runner.sites import refused
from edgekit_runner.wire import ERROR_OUT_OF_MEMORY


@pytest.mark.parametrize("name", engines.names())
def test_an_engine_file_tells_all_about_itself(name: str) -> None:
    engine = engines.find_engine(name)
    assert name == engine.NAME
    assert engine.TITLE
    assert engine.NOTE
    assert engine.FORMATS
    assert callable(engine.load)
    assert name in REQUIREMENTS
    assert callable(engine.library)
    assert set(engine.VARIANTS) <= {COPIED, BOUND, NATIVE}
    assert COPIED in engine.VARIANTS
    needs_wheels = bool(engine.DISTRIBUTIONS) and not engine.PREINSTALLED
    assert needs_wheels == bool(REQUIREMENTS[name])
    for distribution in engine.DISTRIBUTIONS[: 1 if needs_wheels else 0]:
        assert REQUIREMENTS[name][0].startswith(distribution)


def test_engines_and_formats_agree() -> None:
    for name, found in ENGINE_FORMAT.items():
        assert found.value in engines.find_engine(name).FORMATS


def test_an_unknown_engine_names_the_known_ones() -> None:
    with pytest.raises(Failure, match="litert"):
        engines.find_engine("litrt")


def test_options_are_completed_and_checked() -> None:
    known = {"spinning": ("on", "off"), "provider": ()}
    assert choose(None, known, "X") == {"spinning": "on", "provider": ""}
    assert choose({"provider": "any"}, known, "X")["provider"] == "any"
    with pytest.raises(Failure, match="no option 'spining'") as caught:
        choose({"spining": "off"}, known, "X")
    assert "did you mean spinning" in caught.value.hint
    with pytest.raises(Failure, match="is not one of on, off"):
        choose({"spinning": "of"}, known, "X")


def test_a_fixed_batch_is_refused_with_the_way_out() -> None:
    require_free_batch([Tensor("x", (-1, 3), "float32")], 8)
    with pytest.raises(Failure, match="fixed shape") as caught:
        require_free_batch([Tensor("x", (1, 3), "float32")], 8)
    assert "--concurrency 8" in caught.value.hint


def test_an_engine_that_cannot_profile_says_so() -> None:
    with pytest.raises(Failure, match="no times per operation"):
        Session().profile([], 1)


def test_a_longer_prefix_is_never_faster() -> None:
    assert monotone([1.0, 3.0, 2.0, 4.0]) == [1.0, 2.5, 2.5, 4.0]
    assert monotone([3.0, 2.0, 1.0]) == [2.0, 2.0, 2.0]
    assert monotone([]) == []


def test_counters_are_means_without_the_warm_up() -> None:
    calls = []

    def once() -> tuple[int, list[OperationTime]]:
        calls.append(1)
        return 100, [OperationTime("a", "Conv", "cpu", float(len(calls)))]

    profile = mean_counters("m", once, 3)
    assert profile.operations == [OperationTime("a", "Conv", "cpu", 4.0)]
    assert profile.total_ns == 100


def test_a_running_mean_forgets_the_first_inference() -> None:
    slow = OperationTime("a", "Conv", "cpu", 36_000.0)
    new = OperationTime("b", "Relu", "cpu", 10.0)
    after = [slow._replace(ns=(36_000.0 * 2 + 100.0 * 18) / 20), new]
    found = mean_since([slow], 2, after, 20)
    assert found[0].ns == pytest.approx(100.0)
    assert found[1].ns == pytest.approx(10.0 * 20 / 18)
    assert mean_since([slow], 2, [slow._replace(ns=1.0)], 20)[0].ns == 0.0


def test_a_trace_counts_the_last_runs_only() -> None:
    def kernel(ts: int, dur: int) -> dict[str, object]:
        found = {"op_name": "Conv", "provider": "CPU"}
        return {"cat": "Node", "name": "c_kernel_time", "ts": ts, "dur": dur, "args": found}

    def whole(ts: int, dur: int) -> dict[str, object]:
        return {"cat": "Session", "name": "model_run", "ts": ts, "dur": dur}

    events = [kernel(1, 900), whole(0, 1000), kernel(2001, 4), whole(2000, 10)]
    profile = parse_trace([*events, kernel(3001, 6), whole(3000, 20)], 2)
    assert profile.operations == [OperationTime("c", "Conv", "CPU", 5000.0)]
    assert profile.total_ns == 15000.0


def test_memory_that_ends_while_loading_is_named() -> None:
    echo = engines.find_engine("echo")
    for error in (MemoryError(), RuntimeError("std::bad_alloc")):
        failure = refused(echo, "refuses the model", error)
        assert failure.code == ERROR_OUT_OF_MEMORY
        assert "int8-static" in failure.hint
