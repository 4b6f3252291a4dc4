"""Distillation of small networks that were trained on real digits."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from edgekit.cli.main import run as cli
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.core.artifact import Accuracy, ModelArtifact
from edgekit.core.compression import Compression
from edgekit.core.record import Unavailable, load
from model_fixtures import make

pytest_plugins = ("small_models",)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SPREAD = """
import sys
import torch
folder, out = sys.argv[1].split("::")
sys.path.insert(0, folder)
module = __import__("joined").build()
module.load_state_dict(torch.load(folder + "/joined.pth", weights_only=True))
with torch.no_grad():  # the same function, with channels of very different sizes between two layers
    size = torch.logspace(-1.3, 1.3, 32)
    module.l.weight.mul_(size[:, None])
    module.l.bias.mul_(size)
    module.o.weight.div_(size)
module.eval()
torch.export.save(torch.export.export(module, (torch.zeros(1, 1, 8, 8),)), out + "/spread.pt2")
"""
STUDENT = """
import torch
from torch import nn
def build():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10), nn.Softmax(-1))
"""


def distill(out: Path, teacher: Path, student: str, data: Path, *more: str) -> int:
    arguments = ["compress", "distill", str(teacher), "--student", student, "--data", str(data)]
    return cli([*arguments, "--out", str(out), "--threads", "1", "--lr", "0.01", *more])


def test_a_builder_learns_a_teachers_answers_without_labels(tmp_path: Path, trained: Path) -> None:
    (tmp_path / "student.py").write_text(STUDENT)
    out = tmp_path / "taught"
    more = ["--trust", "--epochs", "8", "--max-drop", "8"]
    student = str(tmp_path / "student.py")
    assert (
        distill(out, trained / "perceptron.onnx", student, trained / "unlabelled.npz", *more) == 0
    )
    card = load(Compression, out / "compression.json")
    (step,) = card.steps
    assert step.kind == "distill"
    assert step.after.parameters == 64 * 24 + 24 + 24 * 10 + 10
    assert isinstance(step.after.accuracy, Unavailable)
    assert isinstance(step.after.agreement, float)
    assert step.after.agreement >= 0.92


def test_a_narrow_copy_starts_from_the_teachers_channels(tmp_path: Path, trained: Path) -> None:
    out = tmp_path / "taught"
    more = ["--epochs", "3", "--max-drop", "8", "--target", "macs<=0.5x"]
    assert distill(out, trained / "joined.pt2", "width:0.5", trained / "joined.npz", *more) == 0
    card = load(Compression, out / "compression.json")
    assert isinstance(card.result.macs, int)
    assert isinstance(card.original.macs, int)
    assert card.result.macs < 0.5 * card.original.macs
    assert isinstance(card.result.accuracy, float)
    assert card.result.accuracy > 0.85


def test_a_forest_teaches_by_its_answers_alone(tmp_path: Path, sklearn_models: Path) -> None:
    """What PyTorch cannot hold is asked by the converter's own reader."""
    (tmp_path / "student.py").write_text(STUDENT)
    out = tmp_path / "taught"
    data = sklearn_models / "digits.npz"
    more = ["--trust", "--epochs", "40", "--patience", "0"]
    student = str(tmp_path / "student.py")
    # the forest says a class and probabilities, the student probabilities alone
    assert distill(out, sklearn_models / "forest.joblib", student, data, *more) == 0
    card = load(Compression, out / "compression.json")
    assert isinstance(card.original.macs, Unavailable)
    assert isinstance(card.result.accuracy, float)
    assert card.result.accuracy >= 0.7
    assert isinstance(card.original.accuracy, float)


def test_a_chain_tells_every_step_in_one_card(tmp_path: Path, trained: Path) -> None:
    found = numpy.load(trained / "perceptron.npz")
    train, test = tmp_path / "train.npz", tmp_path / "test.npz"
    numpy.savez(train, x=found["x"][:1500], y=found["y"][:1500])
    numpy.savez(test, x=found["x"][1500:], y=found["y"][1500:])
    out = tmp_path / "chained"
    given = ["compress", "chain", str(trained / "perceptron.onnx"), "--data", str(train)]
    given += ["--validation", str(test), "--target", "macs<=0.6x", "--max-drop", "15"]
    given += ["--profile", "intel-n100", "--engine", "onnxruntime", "--out", str(out)]
    given += ["--threads", "1", "--epochs", "2", "--lr", "0.003", "--recipe", "int8-static"]
    assert cli(given) == 0
    card = load(Compression, out / "compression.json")
    kinds = [step.kind for step in card.steps]
    assert kinds[-2:] == ["distill", "quantize"]
    assert set(kinds[:-2]) == {"prune"}
    assert card.result.weight_bytes < card.steps[-2].after.weight_bytes
    artifact = load(ModelArtifact, out / "artifact" / "card.json")
    assert artifact.recipe == "int8-static"
    assert artifact.source.sha256 == next(f.sha256 for f in card.files if f.path == "model.pt2")


def test_training_for_int8_leaves_a_plain_model_that_rounding_costs_little(
    tmp_path: Path, trained: Path
) -> None:
    """Weights of very different sizes in one channel: int8 rounds the small ones away."""
    make("compress", SPREAD, Path(f"{trained}::{tmp_path}"))
    found = []
    data = trained / "joined.npz"
    model = tmp_path / "spread.pt2"
    aware = tmp_path / "aware"
    more = ["--int8-aware", "--epochs", "6", "--lr", "0.001", "--features", "0"]
    given = ["compress", "distill", str(model), "--student", str(model), "--data", str(data)]
    assert cli([*given, "--out", str(aware), "--threads", "1", *more]) == 0
    assert load(Compression, aware / "compression.json").steps[0].kind == "int8-aware"
    for name, source in (("plain", model), ("trained", aware / "model.pt2")):
        request = ConvertRequest(
            source,
            "intel-n100",
            recipe="int8-static",
            engine="onnxruntime",
            calibration=data,
            data=data,
            proof=False,
        )
        accuracy = convert(request, tmp_path / name).accuracy
        assert isinstance(accuracy, Accuracy)
        found.append(accuracy.artifact)
    assert found[0] < 0.95, "else there is nothing to mend"
    assert found[1] > found[0] + 0.01


def test_a_student_with_other_inputs_is_refused(
    tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "taught"
    student = str(trained / "perceptron.pt2")
    assert distill(out, trained / "joined.pt2", student, trained / "joined.npz") == 3
    assert "teacher's inputs" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("student", ["width:2", "no-such.py"])
def test_what_is_no_student_is_told(
    tmp_path: Path, trained: Path, student: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = distill(tmp_path / "t", trained / "joined.pt2", student, trained / "joined.npz")
    assert code == 2
    assert "width:0.5" in capsys.readouterr().err
