"""Artifacts are run in the runtime versions that boards have before they are given out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.boards.wheelhouse import REQUIREMENTS
from edgekit.convert.converting import convert
from edgekit.convert.proof import PROVEN_RECIPES, prove
from edgekit.convert.request import ConvertRequest
from edgekit.convert.runtimes import is_host_version, newest_opset, runtime_versions
from edgekit.convert.workers.tflite_opcodes import read_operator_codes
from edgekit.core.artifact import Proof
from edgekit.core.errors import StepFailed, ToolEnvironmentError, UnsupportedModel
from edgekit.core.profile import DeviceProfile
from edgekit.core.record import Unavailable
from edgekit.profiles.device import list_profiles, load_profile
from edgekit.toolenvs.environment import ensure, environment_folder, interpreter
from edgekit.toolenvs.pins import RUNTIMES, find_environment, runtime_environment
from model_fixtures import make


@pytest.mark.parametrize("profile", list_profiles(), ids=lambda p: p.id)
def test_every_profile_says_which_versions_its_boards_have(profile: DeviceProfile) -> None:
    for choice in profile.engines:
        versions = runtime_versions(profile, choice.name)
        assert bool(versions) == (choice.name in RUNTIMES)
        for version in versions:
            environment = find_environment(f"runtime-{choice.name}-{version}")
            assert environment.requirements[0].endswith(f"=={version}")
            assert _allowed(REQUIREMENTS[choice.name][0], version)


def _allowed(requirement: str, version: str) -> bool:
    from packaging.requirements import Requirement

    return Requirement(requirement).specifier.contains(version)


def test_older_userlands_get_older_versions() -> None:
    assert runtime_versions(load_profile("generic-aarch64"), "onnxruntime") == ("1.32.0", "1.23.2")
    assert runtime_versions(load_profile("jetson-nano"), "onnxruntime") == ("1.19.2",)
    assert runtime_versions(load_profile("coral-dev-board"), "tflite_runtime") == ("2.14.0",)
    assert runtime_versions(load_profile("jetson-nano"), "tensorrt") == ()
    assert newest_opset(load_profile("jetson-nano"), "onnxruntime") == 21
    assert newest_opset(load_profile("raspberrypi"), "onnxruntime") is None
    assert is_host_version("litert", "2.3.0")
    assert not is_host_version("tflite_runtime", "2.14.0")


def test_an_old_runtime_needs_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = runtime_environment("tflite_runtime", "2.14.0")
    assert interpreter(environment) == sys.executable
    monkeypatch.setattr(sys, "version_info", (3, 13, 0, "final", 0))
    assert "-py311-" in environment_folder(environment).name
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolEnvironmentError, match=r"there is no python3\.11"):
        interpreter(environment)
    with pytest.raises(ToolEnvironmentError, match="cannot be installed"):
        runtime_environment("tensorrt", "8.2.1")


@given(st.binary(max_size=200))
def test_operation_codes_of_any_bytes(data: bytes) -> None:
    try:
        codes = read_operator_codes(data)
    except ValueError:
        return
    assert all(code.version_offset < len(data) for code in codes)


@pytest.fixture(scope="session")
def dynamic_tflite(tmp_path_factory: pytest.TempPathFactory, onnx_models: Path) -> Path:
    """Quantized by today's quantizer: right in LiteRT, silently wrong in tflite-runtime 2.14."""
    out = tmp_path_factory.mktemp("dynamic") / "artifact"
    request = ConvertRequest(
        onnx_models / "net.onnx", "raspberrypi", recipe="int8-dynamic", engine="litert"
    )
    card = convert(request, out)
    assert isinstance(card.proofs, tuple)
    assert [(p.engine, p.version) for p in card.proofs] == [("litert", "2.3.0")]
    assert card.proofs[0].max_deviation <= card.proofs[0].tolerance
    return out / "model.tflite"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_silently_wrong_runtime_is_found(tmp_path: Path, dynamic_tflite: Path) -> None:
    request = ConvertRequest(dynamic_tflite, "raspberrypi-4b-32bit", recipe="float")
    with pytest.raises(StepFailed, match="computes the float model wrongly") as caught:
        convert(request, tmp_path / "a")
    assert caught.value.exit_code == 4
    assert "--recipe int8-static" in caught.value.hint
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_without_the_proof_the_card_says_so(tmp_path: Path, dynamic_tflite: Path) -> None:
    request = ConvertRequest(dynamic_tflite, "raspberrypi-4b-32bit", recipe="float", proof=False)
    card = convert(request, tmp_path / "a")
    assert isinstance(card.proofs, Unavailable)
    assert any("not proven on tflite_runtime 2.14.0" in warning for warning in card.warnings)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("profile", "engine", "recipe"),
    [
        ("raspberrypi-4b-32bit", "tflite_runtime", "int8-static"),
        ("raspberrypi-4b-32bit", "tflite_runtime", "int16x8"),
        ("raspberrypi-4b-32bit", "tflite_runtime", "fp16"),
        ("jetson-nano", "onnxruntime", "int8-static"),
        ("jetson-nano", "litert", "int8-dynamic"),
    ],
)
def test_recipes_that_the_hint_names_are_right(
    tmp_path: Path,
    onnx_models: Path,
    samples: dict[str, Path],
    profile: str,
    engine: str,
    recipe: str,
) -> None:
    assert recipe in PROVEN_RECIPES[engine]
    request = ConvertRequest(
        onnx_models / "net.onnx",
        profile,
        recipe=recipe,
        engine=engine,
        calibration=samples["nchw"],
    )
    card = convert(request, tmp_path / "a")
    assert isinstance(card.proofs, tuple)
    for proof in card.proofs:
        assert isinstance(proof, Proof)
        assert proof.sample_count == 32
        assert proof.max_deviation <= proof.tolerance
        assert proof.version in proof.tools.values()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_operation_that_an_old_runtime_lacks_is_named(
    tmp_path: Path,
) -> None:
    make("tensorflow", NEWER_OPERATIONS, tmp_path)
    request = ConvertRequest(tmp_path / "new.tflite", "raspberrypi-4b-32bit", recipe="float")
    with pytest.raises(UnsupportedModel, match=r"tflite_runtime 2\.14\.0") as caught:
        convert(request, tmp_path / "a")
    assert "FULLY_CONNECTED version 12" in caught.value.message


NEWER_OPERATIONS = """
import sys
import keras
import tensorflow as tf
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(64), keras.layers.Dense(64)])
model.export(sys.argv[1] + "/saved", format="tf_saved_model", verbose=False)
converter = tf.lite.TFLiteConverter.from_saved_model(sys.argv[1] + "/saved")
converter.optimizations = [tf.lite.Optimize.DEFAULT]
open(sys.argv[1] + "/new.tflite", "wb").write(converter.convert())
"""
NEWER_OPSET = """
import sys
import onnx
from onnx import TensorProto, helper
def value(name):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 8))
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value("x")], [value("y")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 24)])
onnx.save(model, sys.argv[1] + "/new.onnx")
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_opset_and_ir_are_lowered_to_what_the_board_reads(tmp_path: Path) -> None:
    make("onnx", NEWER_OPSET, tmp_path)
    request = ConvertRequest(
        tmp_path / "new.onnx", "jetson-nano", recipe="float", engine="onnxruntime"
    )
    card = convert(request, tmp_path / "a")
    assert isinstance(card.proofs, tuple)
    assert [proof.version for proof in card.proofs] == ["1.19.2"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_runtime_version_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ToolEnvironmentError) as caught:
        prove("litert", "0.0.1", model=tmp_path, vectors=tmp_path, recipe="float")
    assert "--no-proof" in caught.value.hint
    assert ensure("onnx").exists()
