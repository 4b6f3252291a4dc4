"""Layers of a TFLite model, read and written back."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy

from edgekit.convert.workers.layers import Layer


def read_model(data: bytes) -> Any:  # Any: the schema's ModelT
    """The file as objects, with the data of every buffer inside them."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data, 0)
    for buffer in model.buffers:
        if buffer.offset > 1:  # stored behind the flatbuffer, as files over 2 GB must be
            stored = data[buffer.offset : buffer.offset + buffer.size]
            buffer.data = numpy.frombuffer(stored, numpy.uint8)
            buffer.offset = buffer.size = 0
    return model


def pack_model(model: Any) -> bytes:  # Any: the schema's ModelT
    """The objects as a file."""
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def read_layers(model: Any) -> list[Layer]:  # Any: the schema's ModelT
    """Convolutions and fully connected layers with float weights, in the graph's order."""
    graph = model.subgraphs[0]
    readers = Counter(int(i) for op in graph.operators for i in op.inputs if i >= 0)
    readers.update(int(i) for i in graph.outputs)
    layers = []
    for op in graph.operators:
        kind = _kind(model, op)
        if kind is None:
            continue
        weight = _array(model, graph, int(op.inputs[1]))
        if weight is None or readers[int(op.inputs[1])] > 1:
            continue
        groups = 1
        if kind == "depthwise":
            weight = weight.transpose(3, 0, 1, 2)
            groups = len(weight) // int(op.builtinOptions.depthMultiplier)
        elif kind == "conv":
            weight = weight.transpose(0, 3, 1, 2)
            groups = int(graph.tensors[int(op.inputs[0])].shape[3]) // weight.shape[1]
        bias = None
        if len(op.inputs) > 2 and op.inputs[2] >= 0 and readers[int(op.inputs[2])] == 1:
            bias = _array(model, graph, int(op.inputs[2]))
        output = int(op.outputs[0])
        fused = int(op.builtinOptions.fusedActivationFunction)
        layers.append(
            Layer(
                _name(graph, output),
                _name(graph, int(op.inputs[0])),
                _name(graph, output),
                numpy.array(weight),
                None if bias is None else numpy.array(bias),
                groups,
                {0: "none", 1: "relu"}.get(fused, "other"),
                readers[output],
            )
        )
    return layers


def write_layers(model: Any, layers: list[Layer]) -> None:  # Any: the schema's ModelT
    """Puts weights and biases back."""
    graph = model.subgraphs[0]
    by_name = {layer.name: layer for layer in layers}
    for op in graph.operators:
        kind = _kind(model, op)
        layer = by_name.get(_name(graph, int(op.outputs[0]))) if kind else None
        if layer is None:
            continue
        weight = layer.weight
        if kind == "depthwise":
            weight = weight.transpose(1, 2, 3, 0)
        elif kind == "conv":
            weight = weight.transpose(0, 2, 3, 1)
        _store(model, graph, int(op.inputs[1]), weight)
        if layer.bias is not None:
            _store(model, graph, int(op.inputs[2]), layer.bias)


def _kind(model: Any, op: Any) -> str | None:  # Any: the schema's objects
    from ai_edge_litert import schema_py_generated as schema

    code = model.operatorCodes[op.opcodeIndex]
    kinds = schema.BuiltinOperator
    return {
        kinds.CONV_2D: "conv",
        kinds.DEPTHWISE_CONV_2D: "depthwise",
        kinds.FULLY_CONNECTED: "dense",
    }.get(max(code.builtinCode, code.deprecatedBuiltinCode))


def _name(graph: Any, index: int) -> str:  # Any: the schema's SubGraphT
    name = graph.tensors[index].name
    return name.decode() if isinstance(name, bytes) else str(name)


def _array(model: Any, graph: Any, index: int) -> Any:  # Any: the schema's objects, an array
    """The tensor's stored float32 values, or None."""
    tensor = graph.tensors[index]
    data = model.buffers[tensor.buffer].data
    if tensor.type != 0 or data is None or not len(data):
        return None
    return numpy.frombuffer(bytes(data), numpy.float32).reshape(tensor.shape)


def _store(model: Any, graph: Any, index: int, values: Any) -> None:  # Any: as above
    from ai_edge_litert import schema_py_generated as schema

    contiguous = numpy.ascontiguousarray(values, dtype=numpy.float32)
    tensor = graph.tensors[index]
    if sum(other.buffer == tensor.buffer for other in graph.tensors) > 1:
        model.buffers.append(schema.BufferT())
        tensor.buffer = len(model.buffers) - 1
    model.buffers[tensor.buffer].data = numpy.frombuffer(contiguous.tobytes(), numpy.uint8)
