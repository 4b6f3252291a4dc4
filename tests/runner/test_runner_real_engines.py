"""The engine files over the real libraries, in the tool environments that hold them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import edgekit_runner
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.worker import QUIET, TELEMETRY_OFF
from edgekit_runner import wire
from edgekit_runner.failure import Failure
from edgekit_runner.prefixes import Graph

pytestmark = [pytest.mark.slow]
TOOLKIT = Path(edgekit_runner.__file__).parent.parent


# Any: JSON
def facts(engine: str, path: Path, options: dict[str, str] | None = None) -> dict[str, Any]:
    script = Path(__file__).with_name("engine_facts.py")
    arguments = [str(script), str(TOOLKIT), engine, str(path), json.dumps(options or {})]
    done = subprocess.run(
        [str(ensure("onnx")), "-I", *arguments],
        env=TELEMETRY_OFF | QUIET,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])  # Any: JSON
    return found


@pytest.fixture(scope="module")
def tflite(
    tmp_path_factory: pytest.TempPathFactory, keras_models: Path, samples: dict[str, Path]
) -> Path:
    folder = tmp_path_factory.mktemp("tflite") / "artifact"
    convert(
        ConvertRequest(keras_models / "net.keras", "raspberrypi", calibration=samples["nhwc"]),
        folder,
    )
    return folder / "model.tflite"


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_an_onnx_model_in_every_variant_with_a_free_batch(engine: str, onnx_models: Path) -> None:
    found = facts(engine, onnx_models / "net.onnx")
    assert found["agree"]
    assert found["free"]
    assert found["batch"] == "same"
    assert found["details"]["threads"] == "1"
    assert sum(found["placement"].values()) >= 3
    assert found["fallback"] == ""
    assert {"Conv", "Convolution"} & {kind for _, kind, _, _ in found["operations"]}
    # each counter is cut to whole microseconds, of an inference that takes 30 or more
    assert 0 < sum(o[3] for o in found["operations"]) <= found["profiled_ns"] * 1.3


def test_litert_names_its_delegate_and_times_prefixes(tflite: Path) -> None:
    found = facts("litert", tflite)
    assert found["agree"]
    assert found["details"]["delegate"] == "XNNPACK"
    operations = found["placement"]["XNNPACK"]
    assert found["placement"] == {"XNNPACK": operations}
    assert len(found["operations"]) == operations
    assert "prefixes" in found["method"]
    assert sum(o[3] for o in found["operations"]) == pytest.approx(found["profiled_ns"])
    assert "fixed shape" in found["batch"]
    plain = facts("litert", tflite, {"delegate": "none"})
    assert plain["placement"] == {"built-in kernels": operations}
    assert plain["details"]["delegate"] == "none"
    assert plain["fallback"] == ""


def test_a_prefix_keeps_what_the_rest_would_read(tflite: Path) -> None:
    graph = Graph(tflite.read_bytes())
    whole = graph.prefix(graph.count)
    assert Graph(whole).count == graph.count
    assert sorted(Graph(whole).results) == sorted(graph.results)
    half = Graph(graph.prefix(graph.count // 2))
    assert half.count == graph.count // 2
    assert half.results == graph.live(graph.count // 2)


def test_options_and_models_that_an_engine_refuses(onnx_models: Path, tmp_path: Path) -> None:
    net = onnx_models / "net.onnx"
    assert "did you mean spinning" in facts("onnxruntime", net, {"spining": "off"})["hint"]
    cuda = facts("onnxruntime", net, {"provider": "CUDAExecutionProvider"})
    assert "CPUExecutionProvider" in cuda["message"]
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\x08\x07rubbish")
    for engine in ("onnxruntime", "openvino", "litert"):
        found = facts(engine, broken)
        assert found["code"] == wire.ERROR_ENGINE_FAILED
        assert "refuses the model" in found["message"]


def test_spinning_can_be_switched_off(onnx_models: Path) -> None:
    found = facts("onnxruntime", onnx_models / "net.onnx", {"spinning": "off"})
    assert found["details"]["spinning"] == "off"


def test_a_file_that_is_no_model_has_no_prefixes() -> None:
    with pytest.raises(Failure, match="no TFLite"):
        Graph(b"\x10\x00")
