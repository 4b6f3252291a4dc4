"""The bench's own judgement: feeding, metrics, verdicts."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import numpy
import pytest

from convert_bench import judging
from convert_bench.feeding import Input, arranged, places
from convert_bench.making import fresh_cache
from convert_bench.peers import all_peers
from convert_bench.peers.programs import reason_of
from convert_bench.records import Judged, Made
from convert_bench.report import (
    chance_of_difference,
    detail_table,
    judge,
    row_without_verdict,
    summary_row,
)
from edgekit.toolenvs.environment import cache_folder


def judged(
    tool: str, quality: float, ms: float, size: int, *, recipe: str = "int8-static", n: int = 1000
) -> Judged:
    right = tuple(i < round(quality * n) for i in range(n))
    made = Made(tool, "litert", recipe, Path("m"), size, 1.0)
    return Judged(made, quality, 0.1, right, (round(ms * 1e6),) * 3)


def test_every_peer_says_what_it_needs() -> None:
    for peer in all_peers():
        assert peer.ENGINE in ("litert", "onnxruntime", "openvino")
        assert peer.STARTS_FROM in ("keras", "tflite", "onnx")
        assert peer.VARIANTS
        assert callable(peer.main)


@pytest.mark.parametrize("name", ["pytorch", "keras", "onnx", "sklearn"])
def test_every_export_can_give_onnx(name: str) -> None:
    module = importlib.import_module(f"convert_bench.exports.{name}")
    assert "onnx" in module.FORMATS


def test_inputs_are_found_by_name_before_shape() -> None:
    sources = [("tokens", (1, 32)), ("mask", (1, 32))]
    inputs = [Input("serving_default_mask:0", (1, 32), "int64"), Input("tokens", (1, 32), "int64")]
    assert [place.source for place in places(sources, inputs)] == [1, 0]


def test_pictures_are_turned_as_the_artifact_wants_them() -> None:
    array = numpy.arange(24).reshape(1, 3, 2, 4)
    (place,) = places([("x", (1, 3, 2, 4))], [Input("args_0", (1, 2, 4, 3), "float32")])
    (turned,) = arranged([array], [place])
    assert (turned == array.transpose(0, 2, 3, 1)).all()


def test_an_input_that_fits_nothing_is_named() -> None:
    with pytest.raises(ValueError, match=r"input y \(1, 7\) fits no input"):
        places([("x", (1, 3))], [Input("y", (1, 7), "float32")])


def test_decisions_are_compared_at_one_half() -> None:
    state = numpy.zeros((3, 2, 4))
    expected = [numpy.array([[[0.4]], [[0.6]], [[0.9]]]), state]
    found = [numpy.array([[[0.49]], [[0.3]], [[0.51]]]), state + 9]
    assert judging.rightness("decision", expected, found, None).tolist() == [True, False, True]


def test_retrieval_compares_nearest_neighbours() -> None:
    vectors = numpy.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    found = vectors.copy()
    found[1] = [0.1, 1.0]
    right = judging.rightness("retrieval", [vectors[:, None]], [found[:, None]], None)
    assert right.tolist() == [False, False, False, False]
    assert judging.rightness("retrieval", [vectors], [vectors], None).all()


def test_outputs_are_paired_by_size_then_by_value() -> None:
    expected = [numpy.array([[1.0, 2.0]]), numpy.array([[5.0, 6.0]]), numpy.array([[7.0]])]
    answers = [[numpy.array([7.1]), numpy.array([5.1, 6.1]), numpy.array([1.1, 2.1])]]
    found = judging.paired(expected, answers)
    assert [float(array.ravel()[0]) for array in found] == [1.1, 5.1, 7.1]


def test_mcnemar() -> None:
    first = [True] * 10 + [False] * 90
    second = [False] * 10 + [False] * 90
    assert chance_of_difference(first, second) == pytest.approx(2 / 1024)
    assert chance_of_difference(first, first) == 1.0


def test_all_targets_met() -> None:
    verdict = judge(judged("edgekit", 0.95, 1.0, 100), [judged("Peer", 0.94, 2.0, 100)])
    assert verdict is not None
    assert verdict.misses == ()
    assert verdict.latency_ratio == pytest.approx(0.5)
    assert summary_row("m", "litert", verdict)[-2:] == ["all targets met", "none"]


def test_each_target_that_is_missed_is_said() -> None:
    ours = judged("edgekit", 0.90, 1.2, 120)
    verdict = judge(ours, [judged("Peer", 0.95, 1.0, 100)])
    assert verdict is not None
    assert verdict.misses == (
        "quality 5.00 points below Peer int8-static",
        "latency 1.20 x the best",
        "size 1.20 x the best",
    )
    assert verdict.dominated_by == "Peer int8-static"


def test_a_small_difference_in_quality_is_noise_and_said_so() -> None:
    verdict = judge(judged("edgekit", 0.950, 1.0, 100), [judged("Peer", 0.951, 1.0, 100)])
    assert verdict is not None
    assert verdict.misses == ()
    assert "(noise, p = 1.00)" in summary_row("m", "litert", verdict)[3]


def test_a_peer_that_is_quick_but_wrong_sets_no_mark() -> None:
    peers = [judged("Wrong", 0.30, 0.1, 10), judged("Right", 0.95, 1.0, 100)]
    verdict = judge(judged("edgekit", 0.95, 1.0, 100), peers)
    assert verdict is not None
    assert verdict.misses == ()
    assert verdict.dominated_by == ""


def test_nothing_to_compare_is_said() -> None:
    none = Judged(Made("edgekit", "litert", "auto", None, error="no | way"), error="no | way")
    peer = judged("Peer", 0.9, 1.0, 100)
    assert judge(none, [peer]) is None
    assert row_without_verdict("m", "litert", none, [peer])[-2:] == [
        "edgekit has none",
        "Peer int8-static",
    ]
    assert "| edgekit auto | - | fails: no / way | - | - | - |" in detail_table(none, [peer])


def test_the_last_error_of_a_program_is_its_reason() -> None:
    printed = "reading\n\x1b[31mValueError: no such layer\x1b[0m\nsee the manual\n"
    assert reason_of(printed) == "ValueError: no such layer"
    assert reason_of("") == "no output"


def test_a_fresh_cache_hides_artifacts_and_keeps_environments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tmp_path / "real"
    for name in ("artifacts", "envs"):
        (real / name).mkdir(parents=True)
    monkeypatch.setenv("EDGEKIT_CACHE_DIR", str(real))
    own = tmp_path / "own"
    own.mkdir()
    with fresh_cache(own):
        assert (cache_folder() / "envs").resolve() == real / "envs"
        assert not (cache_folder() / "artifacts").exists()
    assert os.environ["EDGEKIT_CACHE_DIR"] == str(real)
