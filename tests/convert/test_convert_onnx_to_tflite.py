"""ONNX to TFLite: operations of scikit-learn in standard forms, and the second way."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.convert.steps.onnx_to_tflite_direct import is_picture
from edgekit.core.artifact import Agreement
from edgekit.core.errors import UnsupportedModel
from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.worker import QUIET, TELEMETRY_OFF, source_path

FORMS = """
import json, sys
folder, sources = sys.argv[1:]
sys.path.insert(0, sources)
import numpy, onnx
from onnx.reference import ReferenceEvaluator
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from edgekit.convert.workers.onnx_ml_forms import plain
x, y = load_digits(return_X_y=True)
x = x.astype("float32") + 1
models = {
    "scaled": make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
    "binary": LogisticRegression(max_iter=200),
    "normalized": make_pipeline(Normalizer("l1"), Ridge()),
    "perceptron": make_pipeline(StandardScaler(), MLPClassifier((16,), max_iter=20)),
}
found = {}
for name, model in models.items():
    model.fit(x[:300], y[:300] % 2 if name == "binary" else y[:300])
    options = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
    made = to_onnx(model, x[:1], options=options, target_opset=17)
    before = ReferenceEvaluator(made).run(None, {made.graph.input[0].name: x[:50]})
    changed = plain(made)
    onnx.checker.check_model(changed)
    after = ReferenceEvaluator(changed).run(None, {changed.graph.input[0].name: x[:50]})
    found[name] = {
        "domains": sorted({node.domain for node in changed.graph.node}),
        "deviation": max(float(abs(a.ravel() - b.ravel()).max()) for a, b in zip(before, after)),
        "shapes": [a.shape == b.shape for a, b in zip(before, after)],
    }
with open(f"{folder}/found.json", "w") as stream:
    json.dump(found, stream)
"""


@pytest.mark.slow
def test_scikit_learn_in_standard_operations(tmp_path: Path) -> None:
    python = str(ensure("sklearn"))
    done = subprocess.run(
        [python, "-I", "-W", "ignore", "-c", FORMS, str(tmp_path), str(source_path())],
        env=TELEMETRY_OFF | QUIET | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for name, found in json.loads((tmp_path / "found.json").read_text()).items():
        assert found["domains"] == [""], name
        assert found["deviation"] < 1e-4, name
        assert all(found["shapes"]), name


def request_for(model: Path) -> ConvertRequest:
    return ConvertRequest(model, "generic-x86-64", engine="litert", recipe="float", proof=False)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_where_the_first_way_fails_the_second_is_taken(tmp_path: Path, hard_models: Path) -> None:
    request = request_for(hard_models / "normalized.onnx")
    card = convert(request, tmp_path / "a")
    assert [step.step for step in card.steps] == ["onnx-to-tflite-direct"]
    assert any("another way was taken: onnx-to-tflite failed" in text for text in card.warnings)
    assert isinstance(card.agreement, Agreement)
    assert card.agreement.max_deviation < 1e-5


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_second_way_that_computes_something_else(tmp_path: Path, hard_models: Path) -> None:
    with pytest.raises(UnsupportedModel, match="the float model is wrong: signal to noise"):
        convert(request_for(hard_models / "recurrent.onnx"), tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [([1, 3, 224, 224], True), ([1, 224, 224, 3], False), ([2, 1, 128], False), ([1, 3], False)],
)
def test_pictures_are_told_from_other_inputs(shape: list[int], expected: bool) -> None:
    assert is_picture(shape) is expected
