"""What is wrong with a model is said at once and in words: versions, operations, weights, size."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy
import pytest

from edgekit.convert.converting import convert
from edgekit.convert.detect import detect
from edgekit.convert.request import ConvertRequest
from edgekit.convert.workers.onnx2tf_coverage import require_covered
from edgekit.convert.workers.onnx_checks import reason_of, require_size
from edgekit.convert.workers.operations import listed
from edgekit.convert.workers.source import _custom_operations
from edgekit.convert.workers.weight_checks import require_numbers
from edgekit.core.artifact import Format
from edgekit.core.errors import UnsupportedModel
from edgekit.toolenvs.entry import _in_a_line
from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.worker import QUIET, TELEMETRY_OFF, source_path
from model_fixtures import make

BAD = """
import json, sys
folder, sources = sys.argv[1:]
sys.path.insert(0, sources)
import numpy, onnx
from onnx import TensorProto, helper, numpy_helper
from edgekit.convert.workers.onnx_checks import named_weights
from edgekit.convert.workers.onnx_files import load_onnx
from edgekit.convert.workers.weight_checks import require_numbers
def value(name, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, [1, 4])
def node(kind, source="x", out="y", domain=""):
    return helper.make_node(kind, [source], [out], domain=domain)
def model(nodes, opset=17, ir=8, inputs=None, weights=()):
    graph = helper.make_graph(nodes, "g", inputs or [value("x")], [value("y")], list(weights))
    sets = [helper.make_opsetid("", opset), helper.make_opsetid("com.acme", 1)]
    made = helper.make_model(graph, opset_imports=sets)
    made.ir_version = ir
    return made
inner = helper.make_graph([helper.make_node("Swirl", ["x"], ["t"], domain="com.acme")], "then", [], [value("t")])
other = helper.make_graph([helper.make_node("Neg", ["x"], ["e"])], "else", [], [value("e")])
branch = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=other)
broken = numpy.ones((4, 4), "float32")
broken[1, 2] = numpy.nan
cases = {
    "custom": model([node("Fancy", out="a", domain="com.acme"), node("Swirl", "a", domain="com.acme")]),
    "inner": model([branch], weights=[numpy_helper.from_array(numpy.array(True), "c")]),
    "unknown": model([node("Bogus")]),
    "opset": model([node("Relu")], opset=99),
    "ir": model([node("Relu")], ir=99),
    "text": model([node("Relu")], inputs=[value("x", TensorProto.STRING)]),
    "nan": model([helper.make_node("MatMul", ["x", "w"], ["y"])], weights=[numpy_helper.from_array(broken, "w")]),
}
def field(number, data):
    size, length = len(data), b""
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + data
deep = b""
for _ in range(300):
    deep = field(1, field(5, field(6, deep)))
cases["deep"] = bytes([8, 8]) + field(7, deep)
found = {}
for name, made in cases.items():
    path = f"{folder}/{name}.onnx"
    with open(path, "wb") as stream:
        stream.write(made if isinstance(made, bytes) else made.SerializeToString())
    try:
        require_numbers(named_weights(load_onnx(path)))
    except Exception as error:
        found[name] = [type(error).__name__, str(error), error.hint]
with open(f"{folder}/found.json", "w") as stream:
    json.dump(found, stream)
"""
FLEX = """
import sys
import tensorflow as tf
class Net(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((1, 4, 4), tf.float32, name="x")])
    def serve(self, x):
        return tf.math.cumprod(x, axis=1) * tf.linalg.det(x)[:, None, None]
net = Net()
tf.saved_model.save(net, sys.argv[1] + "/net", signatures=net.serve)
converter = tf.lite.TFLiteConverter.from_saved_model(sys.argv[1] + "/net")
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
open(sys.argv[1] + "/net.tflite", "wb").write(converter.convert())
"""


@pytest.mark.slow
def test_what_is_wrong_with_onnx_models(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(ensure("onnx")), "-I", "-W", "ignore", "-c", BAD, str(tmp_path), str(source_path())],
        env=TELEMETRY_OFF | QUIET | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((tmp_path / "found.json").read_text())
    assert {kind for kind, _, _ in found.values()} == {"UnsupportedModel"}
    expected = {
        "custom": "no engine has 2 operations of the model: com.acme.Fancy, com.acme.Swirl",
        "inner": "no engine has 1 operation of the model: com.acme.Swirl",
        "unknown": "no engine has 1 operation of the model: Bogus",
        "opset": "the model is of opset 99; onnx",
        "ir": "the ONNX file is of IR version 99; onnx",
        "text": "input 'x' is text",
        "deep": "the ONNX file cannot be read: its graphs are nested deeper",
        "nan": "1 weights of the model hold NaN: w (1 of 16)",
    }
    assert set(found) == set(expected)
    for name, begin in expected.items():
        assert found[name][1].startswith(begin)
        assert found[name][2]
    assert detect(tmp_path / "ir.onnx").format is Format.ONNX


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_only_tensorflow_itself_can_run(tmp_path: Path) -> None:
    make("tensorflow", FLEX, tmp_path)
    data = (tmp_path / "net.tflite").read_bytes()
    assert set(_custom_operations(data)) == {"FlexCumprod", "FlexMatrixDeterminant"}
    for name in ("net.tflite", "net"):
        request = ConvertRequest(tmp_path / name, "raspberrypi", engine="litert", recipe="float")
        with pytest.raises(UnsupportedModel) as caught:
            convert(request, tmp_path / "out")
        assert "Cumprod" in caught.value.message
        assert "MatrixDeterminant" in caught.value.message
        assert "--engine onnxruntime" in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_a_file_beyond_what_its_format_holds(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with open(path, "wb") as stream:
        stream.truncate(2**31 + 10)
    with pytest.raises(UnsupportedModel, match="2 GiB") as caught:
        require_size(str(path))
    path.unlink()
    assert "save_as_external_data" in caught.value.hint


def test_weights_that_are_no_numbers_are_named() -> None:
    whole, broken = numpy.ones(3, "float32"), numpy.full(3, numpy.nan, "float32")
    masked = numpy.full(3, -numpy.inf, "float32")
    require_numbers([("a", whole), ("mask", masked), ("n", numpy.ones(2, "int64"))])
    with pytest.raises(UnsupportedModel, match=r"7 weights .* w0 \(3 of 3\).* and 2 more"):
        require_numbers([(f"w{i}", broken) for i in range(7)])


def test_operations_in_words() -> None:
    assert listed({"Det": 1, "If": 2}) == "2 operations of the model: If (2 times), Det"
    assert listed({"Det": 1}) == "1 operation of the model: Det"


def test_operations_that_onnx2tf_only_seems_to_convert(tmp_path: Path) -> None:
    report = {
        "unsupported_nodes": [{"onnx_op": "Scan"}],
        "custom_lowered_nodes": [{"onnx_op": "Det"}, {"onnx_op": "Det"}],
    }
    require_covered(tmp_path)
    (tmp_path / "m_op_coverage_report.json").write_text(json.dumps(report))
    with pytest.raises(
        UnsupportedModel, match=r"2 operations of the model: Det \(2 times\), Scan"
    ):
        require_covered(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code while running Relu: "
            "/onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:360 void* "
            "onnxruntime::BFCArena::AllocateRawInternal(size_t, bool) Failed to allocate",
            "Non-zero status code while running Relu: Failed to allocate",
        ),
        ("", "RuntimeError"),
    ],
)
def test_the_runtimes_reason_without_its_source_code(text: str, expected: str) -> None:
    assert reason_of(RuntimeError(text)) == expected


def test_a_workers_error_says_what_rather_than_where() -> None:
    text = "Exception from src/inference/src/cpp/core.cpp:117:\nCheck 'x' failed\n"
    assert _in_a_line(RuntimeError(text)) == "RuntimeError: Check 'x' failed"
    assert _in_a_line(KeyError()) == "KeyError"
    assert _in_a_line(RuntimeError("Exception from a:1:")) == "RuntimeError: Exception from a:1"
