"""Runs in the tool environment ``onnx``: three models that stress one thing each.

relu.onnx   [1, 3, 224, 224]: no computing to speak of, so that the protocol is what is timed
busy.onnx   [1, 16, 512]: matrix products of some 20 ms on one thread
wide.onnx   [8, 256]: a batch of eight costs little more than one
"""

from __future__ import annotations

import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

DISTINCT = 12
"""Weights, used again and again, so that the file stays small."""
RNG = numpy.random.RandomState(0)


def save(
    name: str, nodes: list[onnx.NodeProto], weights: list[object], *, shape: list[int]
) -> None:
    """Writes one model with input x and output y of the same shape."""
    value = [
        helper.make_tensor_value_info(tensor, TensorProto.FLOAT, shape) for tensor in ("x", "y")
    ]
    graph = helper.make_graph(nodes, name, value[:1], value[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, f"{sys.argv[1]}/{name}.onnx")


def products(count: int, width: int) -> tuple[list[onnx.NodeProto], list[object]]:
    """A chain of matrix products that keeps its values in bounds."""
    nodes, weights, last = [], [], "x"
    for i in range(count):
        if i < DISTINCT:
            weight = (RNG.randn(width, width) / width**0.5).astype("float32")
            weights.append(numpy_helper.from_array(weight, f"w{i}"))
        nodes.append(helper.make_node("MatMul", [last, f"w{i % DISTINCT}"], [f"m{i}"]))
        out = "y" if i == count - 1 else f"r{i}"
        nodes.append(helper.make_node("Tanh", [f"m{i}"], [out]))
        last = out
    return nodes, weights


if __name__ == "__main__":
    save("relu", [helper.make_node("Relu", ["x"], ["y"])], [], shape=[1, 3, 224, 224])
    save("busy", *products(320, 512), shape=[1, 16, 512])
    save("wide", *products(400, 256), shape=[8, 256])
