"""Models for faults, built in the tool environment ``onnx``: convolutions, dense layers, a copy."""

from __future__ import annotations

import subprocess
from pathlib import Path

from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.worker import QUIET, TELEMETRY_OFF

SCRIPT = """
import sys
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
kind, path, side = sys.argv[1], sys.argv[2], int(sys.argv[3])
rng = numpy.random.default_rng(0)
nodes, weights = [], []
def weight(name, *shape):
    scale = (2.0 / max(int(numpy.prod(shape[1:])), 1)) ** 0.5
    weights.append(numpy_helper.from_array((rng.standard_normal(shape) * scale).astype("float32"), name))
def conv(x, name, cin, cout, size, stride=1, group=1):
    weight("w" + name, cout, cin // group, size, size)
    weight("b" + name, cout)
    pad = [(size - 1) // 2] * 4
    nodes.append(helper.make_node("Conv", [x, "w" + name, "b" + name], ["c" + name], kernel_shape=[size, size], strides=[stride, stride], pads=pad, group=group))
    nodes.append(helper.make_node("Relu", ["c" + name], ["r" + name]))
    return "r" + name
if kind == "copies":
    shape = [1, 3, side, side]
    nodes.append(helper.make_node("MaxPool", ["x"], ["p"], kernel_shape=[1, 1], strides=[side // 8, side // 8]))
    nodes.append(helper.make_node("Flatten", ["p"], ["f"]))
    last, width = "f", 3 * 64
elif kind == "dense":
    shape, last, width = [1, side], "x", side
    for i in range(6):
        weight("d%d" % i, width, width)
        nodes.append(helper.make_node("MatMul", [last, "d%d" % i], ["m%d" % i]))
        nodes.append(helper.make_node("Relu", ["m%d" % i], ["h%d" % i]))
        last = "h%d" % i
else:
    shape = [1, 3, side, side]
    last, width = conv("x", "0", 3, 32, 3, 2), 32
    for i, (out, stride) in enumerate([(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (256, 1)]):
        last = conv(last, "d%d" % i, width, width, 3, stride, width)
        last = conv(last, "p%d" % i, width, out, 1)
        width = out
    nodes.append(helper.make_node("GlobalAveragePool", [last], ["g"]))
    nodes.append(helper.make_node("Flatten", ["g"], ["f"]))
    last = "f"
weight("fw", 100, width)
weight("fb", 100)
nodes.append(helper.make_node("Gemm", [last, "fw", "fb"], ["y"], transB=1))
def value(name, dims):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
graph = helper.make_graph(nodes, kind, [value("x", shape)], [value("y", [1, 100])], weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
onnx.checker.check_model(model)
onnx.save(model, path)
"""


def make_network(kind: str, path: Path, side: int) -> Path:
    """An ONNX file with random weights: for speed, never for accuracy.

    Args:
        kind: ``convolutions`` (separable ones, as MobileNet's), ``dense``, or ``copies`` (a large
            input of which hardly anything is computed).
        path: where it goes; one that is there is kept.
        side: of the picture, or the width of dense layers.
    """
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    python = ensure("onnx")
    subprocess.run(
        [str(python), "-I", "-W", "ignore", "-c", SCRIPT, kind, str(path), str(side)],
        env=TELEMETRY_OFF | QUIET | {"HOME": str(path.parent)},
        check=True,
    )
    return path
