"""Layers of an ONNX model, read and written back."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy

from edgekit.convert.workers.layers import Layer


def name_nodes(model: Any) -> None:  # Any: a ModelProto
    """Gives every node a name: quantizers and reports speak of nodes by name."""
    taken = {node.name for node in model.graph.node}
    for i, node in enumerate(model.graph.node):
        if not node.name:
            name = f"{node.op_type}_{i}"
            node.name = name if name not in taken else f"{name}_edgekit"


def read_layers(model: Any) -> list[Layer]:  # Any: a ModelProto
    """Conv, Gemm and MatMul with constant weights, in the graph's order."""
    from onnx import numpy_helper

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    readers = Counter(name for node in model.graph.node for name in node.input)
    readers.update(value.name for value in model.graph.output)
    uses = Counter(name for node in model.graph.node for name in node.input if name in weights)
    following = {node.input[0]: node for node in model.graph.node if node.input}
    layers = []
    for node in model.graph.node:
        if node.op_type not in ("Conv", "Gemm", "MatMul") or len(node.input) < 2:
            continue
        if node.input[1] not in weights or uses[node.input[1]] > 1:
            continue
        weight = numpy_helper.to_array(weights[node.input[1]])
        if weight.dtype != numpy.float32 or (node.op_type == "MatMul" and weight.ndim != 2):
            continue
        attributes = {a.name: a for a in node.attribute}
        if _is_turned(node, attributes):
            weight = weight.T
        bias = None
        if len(node.input) > 2 and uses[node.input[2]] == 1:
            bias = numpy_helper.to_array(weights[node.input[2]])
        output, activation = node.output[0], "none"
        after = following.get(output)
        if after is not None and readers[output] == 1 and after.op_type in ("Relu", "Clip"):
            activation = "relu" if after.op_type == "Relu" else "other"
            output = after.output[0]
        groups = attributes["group"].i if "group" in attributes else 1
        layers.append(
            Layer(
                node.name,
                node.input[0],
                output,
                numpy.array(weight),
                None if bias is None or bias.ndim != 1 else numpy.array(bias),
                groups,
                activation,
                readers[output],
            )
        )
    return layers


def write_layers(model: Any, layers: list[Layer]) -> None:  # Any: a ModelProto
    """Puts weights and biases back."""
    from onnx import numpy_helper

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = {node.name: node for node in model.graph.node}
    for layer in layers:
        node = nodes[layer.name]
        attributes = {a.name: a for a in node.attribute}
        weight = layer.weight.T if _is_turned(node, attributes) else layer.weight
        tensor = weights[node.input[1]]
        contiguous = numpy.ascontiguousarray(weight, dtype=numpy.float32)
        tensor.CopyFrom(numpy_helper.from_array(contiguous, tensor.name))
        if layer.bias is not None:
            tensor = weights[node.input[2]]
            bias = numpy.ascontiguousarray(layer.bias, dtype=numpy.float32)
            tensor.CopyFrom(numpy_helper.from_array(bias, tensor.name))


def give_biases(model: Any) -> None:  # Any: a ModelProto
    """Every convolution gets a bias of zeros where it has none, so that one can be corrected."""
    from onnx import numpy_helper

    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Conv" and len(node.input) == 2 and node.input[1] in weights:
            name = f"{node.name}_bias"
            zeros = numpy.zeros(weights[node.input[1]].dims[0], numpy.float32)
            model.graph.initializer.append(numpy_helper.from_array(zeros, name))
            node.input.append(name)


def _is_turned(node: Any, attributes: dict[str, Any]) -> bool:  # Any: NodeProto, attributes
    """True when the stored weight is [input, output]."""
    if node.op_type == "Gemm":
        return not ("transB" in attributes and attributes["transB"].i)
    return bool(node.op_type == "MatMul")
