"""How good the artifact is beside the original: metrics, intervals, what is said of the original."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest

from edgekit.convert.budget import judge_original, metric_file, metric_of, require_data
from edgekit.convert.candidate import answers_kept
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.convert.workers.artifact_model import require_finite
from edgekit.convert.workers.comparison import (
    Outputs,
    accuracy,
    agreement,
    mcnemar,
    scores_of,
    user_metric,
)
from edgekit.core.artifact import Accuracy, Agreement
from edgekit.core.errors import ConfigError, ConvertError, StepFailed

RNG = numpy.random.default_rng(0)
LABELS = RNG.integers(0, 10, 400)


def scores(share_right: float, labels: Any = LABELS) -> Any:
    """Scores whose arg-max is the label for about this share of samples."""
    right = RNG.random(len(labels)) < share_right
    answers = numpy.where(right, labels, (labels + 1) % 10)
    return numpy.eye(10, dtype="float32")[answers]


def test_top_1_with_its_interval() -> None:
    original, artifact = scores(0.95), scores(0.80)
    found = accuracy([Outputs(original, artifact)], LABELS, "top-1")
    drop = (found["original"] - found["artifact"]) * 100
    assert 8 < drop < 22
    assert found["drop_low_points"] < drop < found["drop_high_points"]
    assert found["drop_low_points"] > 0
    assert found["p_value"] < 0.001


def test_one_point_on_few_samples_is_noise() -> None:
    original = scores(0.9)
    artifact = original.copy()
    artifact[:2] = numpy.roll(artifact[:2], 1, axis=1)
    found = accuracy([Outputs(original, artifact)], LABELS, "top-1")
    assert found["drop_low_points"] <= 0 <= found["drop_high_points"]
    assert found["p_value"] > 0.2


def test_top_5_is_kinder_than_top_1() -> None:
    original = RNG.random((400, 10)).astype("float32")
    one = accuracy([Outputs(original, original)], LABELS, "top-1")["original"]
    five = accuracy([Outputs(original, original)], LABELS, "top-5")["original"]
    assert one < 0.2 < 0.4 < five < 0.6


def test_top_5_of_fewer_classes_is_always_right() -> None:
    labels = numpy.array([0, 1, 2])
    both = Outputs(numpy.eye(3)[[1, 2, 0]], numpy.eye(3))
    assert accuracy([both], labels, "top-5")["original"] == 1.0


@pytest.mark.parametrize("squash", [False, True])
def test_f1_of_one_score_and_of_many(squash: bool) -> None:
    labels = numpy.array([1, 1, 0, 0])
    logits = numpy.array([[2.0], [-1.0], [-2.0], [-3.0]])
    found = 1 / (1 + numpy.exp(-logits)) if squash else logits
    value = accuracy([Outputs(found, found)], labels, "f1")["original"]
    # class 1: precision 1, recall 1/2; class 0: precision 2/3, recall 1
    assert value == pytest.approx((2 / 3 + 0.8) / 2)
    two = numpy.hstack([-logits, logits])
    assert accuracy([Outputs(two, two)], labels, "f1")["original"] == pytest.approx(value)


@pytest.mark.parametrize(
    ("original", "artifact", "p_value"),
    [
        ([True] * 6, [False] * 6, 2 / 64),
        ([True, False], [False, True], 1.0),
        ([True, False], [True, False], 1.0),
        ([True] * 10 + [False], [False] * 10 + [True], 2 * 12 / 2**11),
    ],
)
def test_mcnemar(original: list[bool], artifact: list[bool], p_value: float) -> None:
    assert mcnemar(numpy.array(original), numpy.array(artifact)) == pytest.approx(p_value)


def test_a_metric_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text(
        "def second(outputs, labels):\n    return (outputs[1][:, 0] == labels).mean()\n"
    )
    first = numpy.zeros((400, 3))
    truth = LABELS[:, numpy.newaxis].astype("float32")
    wrong = truth.copy()
    wrong[:40] += 1
    pairs = [Outputs(first, first), Outputs(truth, wrong)]
    found = accuracy(pairs, LABELS, f"{path}:second")
    assert found["original"] == 1.0
    assert found["artifact"] == pytest.approx(0.9)
    assert found["drop_low_points"] < 10 < found["drop_high_points"]
    assert found["p_value"] is None


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        ("def score(outputs, labels): return 1 / 0\n", "score", "ZeroDivisionError"),
        ("def score(outputs, labels): return float('nan')\n", "score", "gives nan"),
        ("import nothing_like_it\n", "score", "ModuleNotFoundError"),
        ("score = 3\n", "score", "no function 'score'"),
        ("def other(outputs, labels): return 1\n", "score", "no function 'score'"),
    ],
)
def test_a_metric_that_does_not_work(tmp_path: Path, code: str, name: str, message: str) -> None:
    path = tmp_path / "m.py"
    path.write_text(code)
    both = Outputs(scores(1.0), scores(1.0))
    with pytest.raises(ConfigError, match=message):
        accuracy([both], LABELS, f"{path}:{name}")


def test_a_metric_file_that_is_missing() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        user_metric("/nothing/m.py:score")


def test_agreement_tells_of_every_output() -> None:
    a, b = RNG.normal(size=(5, 4)), RNG.normal(size=(5, 2, 3))
    found = agreement([Outputs(a, a), Outputs(b, b + 0.01)])
    assert found["top1_agreement"] == 1.0
    assert [o["snr_db"] is None for o in found["outputs"]] == [True, False]
    assert found["outputs"][1]["snr_db"] == pytest.approx(
        10 * numpy.log10((b**2).sum() / (0.01**2 * b.size)), abs=0.01
    )
    assert found["max_deviation"] == pytest.approx(0.01)
    assert found["cosine"] == min(o["cosine"] for o in found["outputs"])


def test_scores_are_the_first_output_with_several_values_or_a_probability() -> None:
    probability, single, many = (
        numpy.full((3, 1), 0.7),
        numpy.full((3, 1), 7.0),
        numpy.zeros((3, 4)),
    )
    pairs = [Outputs(side, side) for side in (single, probability, many)]
    assert scores_of(pairs).original is probability
    assert scores_of([Outputs(single, single), Outputs(many, many)]).original is many
    assert scores_of([Outputs(single, single)]).original is single


REQUEST = ConvertRequest(Path("m.onnx"), "raspberrypi", data=Path("labelled.npz"))


def test_an_original_that_reaches_what_was_said() -> None:
    said = replace(REQUEST, expect_accuracy=0.75)
    assert judge_original(said, 0.745, 10_000, 10) == ()
    assert judge_original(said, 0.67, 100, 10) == ()  # 100 samples cannot tell
    with pytest.raises(ConvertError, match="said were 0.75") as caught:
        judge_original(said, 0.66, 10_000, 10)
    assert caught.value.exit_code == 4
    assert "--pipeline" in caught.value.hint


def test_an_original_that_guesses() -> None:
    assert judge_original(REQUEST, 0.5, 1000, 10) == ()
    assert judge_original(REQUEST, 0.1, 5, 10) == ()  # too few to say
    (warning,) = judge_original(REQUEST, 0.1, 1000, 10)
    assert "10.0%" in warning
    assert "--expect-accuracy" in warning


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": "top1"}, "no metric is called"),
        ({"metric": "/nothing/m.py:score"}, "does not exist"),
        ({"expect_accuracy": 75.0}, "a share 0..1"),
        ({"expect_accuracy": 0.75, "data": None}, "--expect-accuracy needs"),
    ],
)
def test_settings_that_make_no_sense(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    data = tmp_path / "labelled.npz"
    data.touch()
    with pytest.raises(ConfigError, match=message):
        require_data(replace(replace(REQUEST, data=data), **change))


def test_a_metric_is_found_from_another_folder() -> None:
    assert metric_file("top-1") is None
    assert metric_of(REQUEST) == "top-1"
    found = metric_of(replace(REQUEST, metric="m.py:score"))
    assert found == f"{Path.cwd()}/m.py:score"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_labels_the_original_itself_gets_wrong(
    tmp_path: Path, onnx_models: Path, samples: dict[str, Path]
) -> None:
    data = tmp_path / "labelled.npz"
    with numpy.load(samples["nchw"]) as archive:
        numpy.savez(data, x=archive["x"][:60], y=numpy.arange(60) % 10)
    request = ConvertRequest(
        onnx_models / "net.onnx",
        "raspberrypi",
        recipe="float",
        engine="onnxruntime",
        data=data,
        expect_accuracy=0.95,
    )
    with pytest.raises(ConvertError, match="said were 0.95"):
        convert(request, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    metric = tmp_path / "m.py"
    metric.write_text("def score(outputs, labels):\n    return -abs(outputs[0]).mean()\n")
    card = convert(
        replace(request, expect_accuracy=None, metric=f"{metric}:score"), tmp_path / "a"
    )
    assert isinstance(card.accuracy, Accuracy)
    assert card.accuracy.metric == f"{metric}:score"
    assert card.accuracy.original < 0
    assert card.accuracy.drop_points == pytest.approx(0, abs=1e-3)
    assert isinstance(card.agreement, Agreement)
    assert len(card.agreement.outputs) == 1


def test_one_sample_with_another_answer_does_not_hide_what_is_typical() -> None:
    original = numpy.eye(3, dtype="float32")[numpy.array([0, 1, 2] * 10)]
    artifact = original.copy()
    artifact[0] = [0, 1, 0]
    found = agreement([Outputs(original, artifact)])
    assert found["cosine"] == 0.0
    assert found["typical_cosine"] == pytest.approx(1.0)
    assert found["top1_agreement"] == pytest.approx(29 / 30)


def test_a_single_probability_answers_by_its_side_of_a_half() -> None:
    original = numpy.array([[0.1], [0.9], [0.6], [0.2]])
    artifact = numpy.array([[0.2], [0.7], [0.4], [0.1]])
    state = numpy.ones((4, 8))
    found = agreement([Outputs(original, artifact), Outputs(state, state)])
    assert found["top1_agreement"] == 0.75
    judged = accuracy([Outputs(original, artifact)], numpy.array([0, 1, 1, 0]), "top-1")
    assert (judged["original"], judged["artifact"]) == (1.0, 0.75)


def test_a_few_samples_say_nothing_about_answers() -> None:
    few = Agreement(8, "random inputs", 0.4, 0.1, 0.9)
    assert answers_kept(few) is None
    assert answers_kept(replace(few, sample_count=20)) == 0.4


def test_nan_is_told_as_such() -> None:
    whole = numpy.ones((5, 3))
    broken = whole.copy()
    broken[2, 1] = numpy.nan
    with pytest.raises(StepFailed, match="NaN or infinity for 1 of 5 samples"):
        require_finite([Outputs(whole, whole), Outputs(whole, broken)])
    require_finite([Outputs(broken, broken)])
