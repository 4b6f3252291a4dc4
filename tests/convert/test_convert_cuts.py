"""Where an ONNX graph can be cut, in its tool environment."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from edgekit.core.errors import UnsupportedModel
from edgekit.toolenvs import worker
from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.worker import QUIET

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
WORKER = "edgekit.convert.workers.graph_cuts"
RESIDUAL = """
import sys
import numpy, onnx
from onnx import TensorProto, helper, numpy_helper
def value(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
one = numpy_helper.from_array(numpy.ones((1, 4), "float32"), "one")
nodes = [
    helper.make_node("Relu", ["x"], ["a"], "first"),
    helper.make_node("Sigmoid", ["a"], ["b"], "branch"),
    helper.make_node("Constant", [], ["c"], "constant", value=numpy_helper.from_array(numpy.ones((1, 4), "float32"))),
    helper.make_node("Mul", ["b", "c"], ["d"], "scale"),
    helper.make_node("Add", ["a", "d"], ["e"], "join"),
    helper.make_node("Add", ["e", "one"], ["f"], "shift"),
    helper.make_node("Relu", ["f"], ["y"], "last"),
]
graph = helper.make_graph(nodes, "g", [value("x", 1, 4)], [value("y", 1, 4)], [one])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
onnx.save(model, sys.argv[1])
numpy.arange(-2, 2, dtype="float32").tofile(sys.argv[2])
"""


@pytest.fixture(scope="module")
def residual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("residual")
    command = [str(ensure("onnx")), "-I", "-c", RESIDUAL, str(folder / "g.onnx")]
    subprocess.run([*command, str(folder / "0.bin")], check=True, env=QUIET)
    return folder


def test_only_places_where_one_tensor_crosses_are_cuts(residual: Path) -> None:
    found = worker.call("onnx", WORKER, {"do": "list", "model": str(residual / "g.onnx")})
    assert [cut[1] for cut in found["cuts"]] == ["a", "e", "f"], "not inside the branch"
    assert found["cuts"][1] == [4, "e", [1, 4], "float32", 16]
    assert [node[0] for node in found["nodes"]][:2] == ["first", "branch"]


def test_the_halves_give_what_the_whole_gives(residual: Path, tmp_path: Path) -> None:
    request = {
        "do": "cut",
        "model": str(residual / "g.onnx"),
        "tensor": "e",
        "folder": str(tmp_path),
        "inputs": [[str(residual / "0.bin")]],
    }
    assert worker.call("onnx", WORKER, request)["deviation"] == 0.0
    assert {path.name for path in tmp_path.iterdir()} == {
        "head.onnx",
        "head.npz",
        "tail.onnx",
        "tail.npz",
    }
    with pytest.raises(UnsupportedModel, match="cannot be cut at 'nowhere'"):
        worker.call("onnx", WORKER, request | {"tensor": "nowhere"})
