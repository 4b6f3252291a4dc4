"""Parameters, multiply-accumulates, depth, width and operation types of a converted model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

from edgekit.core.artifact import ModelStructure, Operation


@dataclass(frozen=True)
class Node:
    """One operation of a graph, whatever the format."""

    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    macs: int = 0
    parameters: int = 0
    weight_bytes: int = 0
    activation_bytes: int = 0
    width: int = 0
    """Channels of the output, for layers that have them."""
    is_computation: bool = True
    """False for markers such as QuantizeLinear between folded layers."""


def read_structure(format_name: str, path: str) -> ModelStructure:
    """The structure of a model file."""
    readers: dict[str, Callable[[str], Iterable[Node]]] = {
        "tflite": _tflite,
        "onnx": _onnx,
        "openvino": _openvino,
    }
    return summarize(list(readers[format_name](path)))


def summarize(nodes: list[Node]) -> ModelStructure:
    """Totals over nodes, which are in topological order."""
    depth_at: dict[str, int] = defaultdict(int)
    by_type: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        before = max((depth_at[name] for name in node.inputs), default=0)
        for name in node.outputs:
            depth_at[name] = before + int(node.is_computation)
        if node.is_computation:
            by_type[node.type].append(node)
    operations = [
        Operation(
            kind,
            len(group),
            sum(n.macs for n in group),
            sum(n.weight_bytes for n in group),
            sum(n.activation_bytes for n in group),
        )
        for kind, group in by_type.items()
    ]
    operations.sort(key=lambda op: (-op.macs, -op.activation_bytes, op.type))
    return ModelStructure(
        parameters=sum(n.parameters for n in nodes),
        macs=sum(n.macs for n in nodes),
        depth=max(depth_at.values(), default=0),
        max_width=max((n.width for n in nodes), default=0),
        operations=tuple(operations),
    )


def _tflite(path: str) -> Iterable[Node]:
    from ai_edge_litert import schema_py_generated as schema

    with open(path, "rb") as stream:
        model = schema.ModelT.InitFromPackedBuf(stream.read(), 0)
    names = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
    sizes = {0: 4, 1: 2, 2: 4, 3: 1, 4: 8, 6: 1, 7: 2, 9: 1, 17: 1}  # TensorType to bytes
    graph = model.subgraphs[0]

    def shape(index: int) -> list[int]:
        found = graph.tensors[index].shape
        return [] if found is None else [int(size) for size in found]

    computed = {int(i) for i in graph.inputs}
    computed.update(int(i) for operator in graph.operators for i in operator.outputs)

    def size_bytes(index: int) -> int:
        return prod(shape(index)) * sizes.get(graph.tensors[index].type, 4)

    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
        inputs = [int(i) for i in operator.inputs if i >= 0]
        outputs = [int(i) for i in operator.outputs]
        constants = [i for i in inputs if i not in computed]
        weight = shape(inputs[1]) if len(inputs) > 1 else []
        out = shape(outputs[0])
        macs = {
            "CONV_2D": prod(out) * prod(weight[1:]),
            "DEPTHWISE_CONV_2D": prod(out) * prod(weight[1:3]),
            "FULLY_CONNECTED": prod(out) * prod(weight[1:]),
            "TRANSPOSE_CONV": prod(shape(inputs[-1])) * prod(weight[:3]),
            "BATCH_MATMUL": prod(out) * (shape(inputs[0])[-1:] or [0])[0],
        }.get(kind, 0)
        learned = constants if macs else []
        activations = [i for i in inputs if i not in constants]
        yield Node(
            kind,
            tuple(str(i) for i in activations),
            tuple(str(i) for i in outputs),
            macs=macs,
            parameters=sum(prod(shape(i)) for i in learned),
            weight_bytes=sum(size_bytes(i) for i in constants),
            activation_bytes=sum(size_bytes(i) for i in [*activations, *outputs]),
            width=out[-1] if macs and out else 0,
            is_computation=kind not in ("QUANTIZE", "DEQUANTIZE"),
        )


ONNX_MARKERS = ("QuantizeLinear", "DequantizeLinear", "Constant", "Identity")
ONNX_BYTES = {1: 4, 2: 1, 3: 1, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8}


def _onnx(path: str) -> Iterable[Node]:
    import onnx

    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    graph = model.graph
    weights = {t.name: (list(t.dims), t.data_type) for t in graph.initializer}
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                weights[node.output[0]] = (list(attribute.t.dims), attribute.t.data_type)
    values = {}
    for value in [*graph.value_info, *graph.input, *graph.output]:
        kind = value.type.tensor_type
        values[value.name] = ([max(d.dim_value, 1) for d in kind.shape.dim], kind.elem_type)
    for node in graph.node:  # what a marker makes of a weight is that weight
        if node.op_type in ONNX_MARKERS and node.input and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]

    def size_bytes(name: str) -> int:
        dims, kind = weights.get(name) or values.get(name, ([], 1))
        return prod(dims) * ONNX_BYTES.get(kind, 4) if dims else 0

    for node in graph.node:
        out = values.get(node.output[0], ([], 1))[0]
        constants = [name for name in node.input if name in weights]
        activations = [name for name in node.input if name and name not in weights]
        second = node.input[1] if len(node.input) > 1 else ""
        macs = _onnx_macs(node, out, weights, values, second)
        learned = constants if macs else []
        yield Node(
            node.op_type,
            tuple(activations),
            tuple(node.output),
            macs=macs,
            parameters=sum(prod(weights[name][0]) for name in learned),
            weight_bytes=sum(size_bytes(name) for name in learned),
            activation_bytes=sum(size_bytes(name) for name in [*activations, *node.output]),
            width=_channels(out) if macs else 0,
            is_computation=node.op_type not in ONNX_MARKERS,
        )


# Any: onnx's NodeProto; shapes with element types
def _onnx_macs(
    node: Any, out: list[int], weights: dict[str, Any], values: dict[str, Any], second: str
) -> int:
    known = weights.get(second) or values.get(second)
    if known is None:
        return 0
    if node.op_type in ("LSTM", "GRU", "RNN"):
        steps = values.get(node.input[0], ([1], 1))[0][:1]
        recurrent = weights.get(node.input[2], ([0], 1))[0]
        return prod(map(int, steps)) * (prod(map(int, known[0])) + prod(map(int, recurrent)))
    dims = known[0]
    if node.op_type in ("Conv", "ConvInteger", "QLinearConv"):
        return prod(out) * prod(map(int, dims[1:]))
    if node.op_type == "ConvTranspose":
        first = values.get(node.input[0], ([], 1))[0]
        return prod(map(int, first)) * prod(map(int, dims[1:]))
    if node.op_type == "Gemm":
        turned = any(a.name == "transB" and a.i for a in node.attribute)
        return prod(out) * int(dims[1] if turned else dims[0])
    if node.op_type in ("MatMul", "MatMulInteger") and len(dims) >= 2:
        return prod(out) * int(dims[-2])
    return 0


def _openvino(path: str) -> Iterable[Node]:
    import openvino

    model = openvino.Core().read_model(path)
    for operation in model.get_ordered_ops():
        kind = operation.get_type_name()
        if kind in ("Constant", "Result", "Parameter"):
            continue
        out = _fixed(operation.output(0).partial_shape)
        shapes = [_fixed(value.get_source_output().partial_shape) for value in operation.inputs()]
        sources = [value.get_source_output().get_node() for value in operation.inputs()]
        second = shapes[1] if len(shapes) > 1 else []
        macs = {
            "Convolution": prod(out) * prod(second[1:]),
            "GroupConvolution": prod(out) * prod(second[2:]),
            "MatMul": prod(out) * (shapes[0][-1] if shapes and shapes[0] else 0),
        }.get(kind, 0)
        constant = _constant_behind(sources[1]) if macs and len(sources) > 1 else None
        yield Node(
            kind,
            tuple(source.get_friendly_name() for source in sources),
            (operation.get_friendly_name(),),
            macs=macs,
            parameters=prod(constant.get_output_shape(0)) if constant else 0,
            weight_bytes=constant.get_byte_size() if constant else 0,
            activation_bytes=4 * (prod(out) + prod(shapes[0] if shapes else [0])),
            width=_channels(out) if macs else 0,
            is_computation=kind not in ("FakeQuantize", "Convert", "Reshape"),
        )


def _constant_behind(node: Any) -> Any:  # Any: OpenVINO nodes
    """The stored weight behind the converting operations in front of a layer."""
    for _ in range(6):
        if node.get_type_name() == "Constant":
            return node
        if not node.inputs():
            return None
        node = node.input(0).get_source_output().get_node()
    return None


def _fixed(shape: Any) -> list[int]:  # Any: OpenVINO's PartialShape
    if shape.rank.is_dynamic:
        return []
    return [int(d.get_length()) if d.is_static else 1 for d in shape]


def _channels(out: list[int]) -> int:
    return out[1] if len(out) == 4 else (out[-1] if out else 0)
