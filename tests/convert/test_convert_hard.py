"""Models that int8 breaks: never a success, and the ladder leaves the rung that breaks them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest

from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.core.artifact import Agreement, ModelArtifact
from edgekit.core.errors import StepFailed, UnsupportedModel

pytestmark = [pytest.mark.slow]


def run(out: Path, model: Path, shape: tuple[int, ...], **settings: object) -> ModelArtifact:
    samples = out.parent / "samples.npz"
    numpy.savez(
        samples, x=numpy.random.default_rng(0).normal(size=(120, *shape)).astype("float32")
    )
    found: dict[str, Any] = {"calibration": samples, "proof": False} | settings  # Any: by name
    return convert(ConvertRequest(model, "generic-x86-64", **found), out)


def test_auto_leaves_the_rung_that_destroys_a_model(tmp_path: Path, hard_models: Path) -> None:
    card = run(tmp_path / "a", hard_models / "wide.onnx", (16,), engine="onnxruntime")
    assert card.recipe == "int8-static-layers"
    assert isinstance(card.agreement, Agreement)
    assert (card.agreement.top1_agreement or 0) >= 0.9
    assert any("onnxruntime int8-static was passed over" in text for text in card.warnings)


def test_a_recipe_that_destroys_a_model_is_no_success(tmp_path: Path, hard_models: Path) -> None:
    out = tmp_path / "a"
    with pytest.raises(StepFailed, match="destroys this model: the original's answer on"):
        run(out, hard_models / "wide.onnx", (16,), engine="onnxruntime", recipe="int8-static")
    assert not out.exists()


def test_auto_takes_what_the_engine_has(tmp_path: Path, hard_models: Path) -> None:
    model = hard_models / "wide.onnx"
    card = run(tmp_path / "a", model, (16,), engine="openvino", calibration=None)
    assert card.recipe == "float"


def test_weights_in_constant_nodes_become_small(tmp_path: Path, hard_models: Path) -> None:
    model = hard_models / "recurrent.onnx"
    card = run(tmp_path / "a", model, (8, 1, 16), engine="onnxruntime", recipe="int8-dynamic")
    assert isinstance(card.float_size_bytes, int)
    assert card.size_bytes < 0.5 * card.float_size_bytes
    assert isinstance(card.agreement, Agreement)
    assert (card.agreement.top1_agreement or 0) >= 0.95


def test_recurrent_layers_stay_in_float_on_openvino(tmp_path: Path, hard_models: Path) -> None:
    model = hard_models / "recurrent.onnx"
    card = run(tmp_path / "a", model, (8, 1, 16), engine="openvino", recipe="int8-static")
    assert isinstance(card.agreement, Agreement)
    assert card.agreement.cosine > 0.99


def test_int8_that_changes_nothing_is_refused(tmp_path: Path, onnx_models: Path) -> None:
    free = onnx_models / "free.onnx"
    settings: dict[str, Any] = {"engine": "onnxruntime", "shapes": {"x": (1, 6)}}  # Any: by name
    with pytest.raises(UnsupportedModel, match="int8-dynamic changes nothing"):
        run(tmp_path / "a", free, (6,), recipe="int8-dynamic", **settings)
