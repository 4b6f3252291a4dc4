"""The TensorRT engine file against a stand-in library: no GPU exists here."""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

from conftest import need_or_skip
from edgekit_runner import cuda, sites, wire
from edgekit_runner.engines import tensorrt
from edgekit_runner.failure import Failure
from fakes.tensorrt_library import Builder, tensorrt_library

STUB = Path(__file__).parent.parent / "fakes" / "cudart_stub.c"


@pytest.fixture(scope="module")
def cudart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_or_skip(shutil.which("cc") is not None, "a C compiler builds the stand-in for libcudart")
    path = tmp_path_factory.mktemp("cudart") / "libcudart.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(path), str(STUB)], check=True)
    return path


@pytest.fixture(params=["10.13.3", "11.2.1"], autouse=True)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, cudart: Path) -> str:
    monkeypatch.setitem(sys.modules, "tensorrt", tensorrt_library(request.param))
    monkeypatch.setenv(cuda.LIBRARY_VARIABLE, str(cudart))
    return str(request.param)


def model(folder: Path, batch: int) -> str:
    path = folder / "model.onnx"
    shape = [batch, 3]
    path.write_text(json.dumps({"inputs": [["x", shape]], "outputs": [["y", shape]]}))
    return str(path)


def test_every_variant_computes_and_reads_what_the_device_made(
    tmp_path: Path, library: str
) -> None:
    session = tensorrt.load(model(tmp_path, 1), 4)
    assert session.version == library
    assert session.placement() == {"GPU": 2}
    x = numpy.array([[1.0, 2.0, 3.0]], numpy.float32)
    numpy.testing.assert_array_equal(session.run([x])[0], x * 2)
    numpy.testing.assert_array_equal(session.run_bound([x + 1])[0], (x + 1) * 2)
    session.bind([x * 5])
    session.native()()
    first = session.run([x])[0]
    session.run([x + 7])
    numpy.testing.assert_array_equal(first, x * 2)


def test_an_engine_is_built_once_and_kept(tmp_path: Path) -> None:
    path = model(tmp_path, 1)
    before = Builder.built
    tensorrt.load(path, 1)
    tensorrt.load(path, 1)
    assert Builder.built == before + 1


def test_batches_within_the_range_of_the_engine(tmp_path: Path, cudart: Path) -> None:
    session = tensorrt.load(model(tmp_path, -1), 1, {"max_batch": "4"})
    session.set_batch(4)
    x = numpy.arange(12, dtype=numpy.float32).reshape(4, 3)
    numpy.testing.assert_array_equal(session.run([x])[0], x * 2)
    with pytest.raises(Failure, match="refuses the shape"):
        session.set_batch(5)
    fixed = tensorrt.load(model(tmp_path, 1), 1)
    with pytest.raises(Failure, match="fixed shape"):
        fixed.set_batch(2)


def test_memory_on_the_device_is_given_back(tmp_path: Path, cudart: Path) -> None:
    stub = ctypes.CDLL(str(cudart))
    session = tensorrt.load(model(tmp_path, -1), 1)
    held = stub.stub_allocated()
    for size in (2, 3, 1):
        session.set_batch(size)
    assert stub.stub_allocated() == held
    with pytest.raises(Failure) as caught:
        cuda.Cuda().allocate(1 << 31)
    assert caught.value.code == wire.ERROR_OUT_OF_MEMORY


def test_half_precision_is_a_flag_in_10_and_refused_in_11(tmp_path: Path, library: str) -> None:
    path = model(tmp_path, 1)
    if library.startswith("10"):
        assert tensorrt.load(path, 1, {"precision": "f16"}).details()["precision"] == "f16"
        return
    with pytest.raises(Failure) as caught:
        tensorrt.load(path, 1, {"precision": "f16"})
    assert "--recipe fp16" in caught.value.hint


@pytest.mark.parametrize("marker", ["DequantizeLinear", "Conv"])
def test_models_with_quantization_are_built_as_such(library: str, marker: str) -> None:
    found = tensorrt_library(library)
    text = json.dumps({"inputs": [["x", [1, 3]]], "outputs": [["y", [1, 3]]], "op": marker})
    chosen = {"precision": "", "max_batch": "", "workspace_mb": ""}
    plan = tensorrt._build(found, found.Logger(found.Logger.WARNING), text.encode(), chosen)
    flags = json.loads(bytes(plan))["flags"]
    is_told = marker == "DequantizeLinear" and library.startswith("10")
    assert flags == (["BuilderFlag10.INT8"] if is_told else [])


def test_layer_times_come_from_the_profiler(tmp_path: Path) -> None:
    session = tensorrt.load(model(tmp_path, 1), 1)
    profile = session.profile([numpy.zeros((1, 3), numpy.float32)], 3)
    assert [(o.name, o.type, o.ns) for o in profile.operations] == [
        ("conv + relu", "conv", 250_000.0),
        ("/head/Gemm", "Gemm", 750_000.0),
    ]
    assert profile.total_ns > 0


def test_a_model_and_a_plan_that_it_refuses(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_text("not a model")
    with pytest.raises(Failure, match="failed to parse"):
        sites.load(tensorrt, str(broken), 1)
    plan = tmp_path / "other.plan"
    plan.write_text("another GPU's")
    with pytest.raises(Failure, match="another version or GPU"):
        sites.load(tensorrt, str(plan), 1)


def test_no_library_says_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(Failure) as caught:
        sites.load(tensorrt, model(tmp_path, 1), 1)
    assert caught.value.code == wire.ERROR_ENGINE_MISSING
    assert "board's system" in caught.value.hint


def test_no_cuda_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cuda.LIBRARY_VARIABLE, str(tmp_path / "none.so"))
    with pytest.raises(Failure) as caught:
        tensorrt.load(model(tmp_path, 1), 1)
    assert cuda.LIBRARY_VARIABLE in caught.value.hint
