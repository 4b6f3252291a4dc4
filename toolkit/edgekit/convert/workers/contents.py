"""What a model file is made of: bytes of weights by dtype, operations by dtype, facts of the format."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy

from edgekit.convert.workers.tflite_opcodes import CUSTOM_BUILTIN, read_operator_codes

MARKERS = ("QuantizeLinear", "DequantizeLinear", "Constant", "Parameter", "Result", "FakeQuantize")
LICENCE_KEYS = ("license", "licence", "License", "LICENSE")
ONNX_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "ai.onnx.training")


def read_contents(kind: str, path: str) -> dict[str, Any]:  # Any: JSON
    """``weights_bytes``, ``operations_by_dtype``, ``facts`` and ``licence`` of a model file.

    Args:
        kind: tflite, onnx or openvino.
        path: of a file that its engine can read.
    """
    weights, operations, facts, licence = {
        "tflite": _tflite,
        "onnx": _onnx,
        "openvino": _openvino,
    }[kind](path)
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for name, dtype in operations:
        counted[name][dtype] += 1
    return {
        "weights_bytes": dict(weights.most_common()),
        "operations_by_dtype": {name: dict(counts) for name, counts in sorted(counted.items())},
        "facts": {name: value for name, value in facts.items() if value},
        "licence": licence,
    }


Contents = tuple[Counter[str], Iterator[tuple[str, str]], Mapping[str, str], str]


def _tflite(path: str) -> Contents:
    from ai_edge_litert import schema_py_generated as schema

    with open(path, "rb") as stream:
        data = stream.read()
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    dtypes = {v: k.lower() for k, v in vars(schema.TensorType).items() if isinstance(v, int)}
    names = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
    weights: Counter[str] = Counter()
    seen: set[int] = set()
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            buffer = model.buffers[tensor.buffer]
            size = len(buffer.data) if buffer.data is not None else int(buffer.size)
            if size and tensor.buffer not in seen:
                seen.add(tensor.buffer)
                weights[dtypes.get(tensor.type, str(tensor.type))] += size
    codes = read_operator_codes(data)

    def operations() -> Iterator[tuple[str, str]]:
        for graph in model.subgraphs:
            for operator in graph.operators:
                code = codes[operator.opcodeIndex]
                name = code.custom or names.get(code.builtin, str(code.builtin))
                yield name, _tflite_dtype(graph, operator, dtypes)

    custom = sorted({c.custom for c in codes if c.builtin == CUSTOM_BUILTIN})
    newer = [c for c in codes if c.version > 1 and c.builtin != CUSTOM_BUILTIN]
    facts = {
        "schema": str(model.version),
        "subgraphs": str(len(model.subgraphs)),
        "operation versions": ", ".join(
            f"{names.get(c.builtin, c.builtin)} {c.version}"
            for c in sorted(newer, key=lambda c: -c.version)
        ),
        "custom operations": ", ".join(custom),
        "description": _decoded(model.description),
    }
    return weights, operations(), facts, ""


def _tflite_dtype(graph: Any, operator: Any, dtypes: Mapping[int, str]) -> str:
    """The dtype that is computed in: the output's, and the weights' beside it where they differ."""
    out = [graph.tensors[i].type for i in operator.outputs]
    found = dtypes.get(out[0], "?") if out else "none"
    inputs = [int(i) for i in operator.inputs]
    if len(inputs) > 1 and inputs[1] >= 0 and found == "float32":
        weight = dtypes.get(graph.tensors[inputs[1]].type, "?")
        if weight in ("int8", "int4", "float16"):
            return f"float32 x {weight}"
    return found


def _onnx(path: str) -> Contents:
    import onnx

    model = onnx.load(path)
    constants = [
        attribute.t
        for node in model.graph.node
        for attribute in node.attribute
        if node.op_type == "Constant" and attribute.name == "value"
    ]
    weights: Counter[str] = Counter()
    for tensor in [*model.graph.initializer, *constants]:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
        weights[str(dtype)] += int(numpy.prod(tensor.dims)) * dtype.itemsize
    licence = next((p.value for p in model.metadata_props if p.key in LICENCE_KEYS), "")
    foreign = {n.domain for n in model.graph.node} - set(ONNX_DOMAINS)
    facts = {
        "IR version": str(model.ir_version),
        "opset": ", ".join(f"{o.domain or 'ai.onnx'} {o.version}" for o in model.opset_import),
        "made by": f"{model.producer_name} {model.producer_version}".strip(),
        "custom operations": ", ".join(
            sorted({f"{n.domain}.{n.op_type}" for n in model.graph.node if n.domain in foreign})
        ),
    }
    return weights, _onnx_operations(model), facts, licence


def _onnx_operations(model: Any) -> Iterator[tuple[str, str]]:
    """Operations with the dtype they compute in; between Q and DQ that is the stored integers'."""
    import onnx

    inferred = onnx.shape_inference.infer_shapes(model)
    graph = inferred.graph
    values = [*graph.value_info, *graph.input, *graph.output]
    dtypes = {v.name: v.type.tensor_type.elem_type for v in values}
    dtypes |= {t.name: t.data_type for t in graph.initializer}
    stored = {
        node.output[0]: dtypes.get(node.input[0], 0)
        for node in graph.node
        if node.op_type == "DequantizeLinear"
    }
    for node in graph.node:
        if node.op_type in MARKERS:
            continue
        first = node.input[0] if node.input else ""
        kind = stored.get(first) or dtypes.get(first) or dtypes.get(node.output[0], 0)
        name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        yield name, str(onnx.helper.tensor_dtype_to_np_dtype(kind)) if kind else "unknown"


def _openvino(path: str) -> Contents:
    import openvino

    model = openvino.Core().read_model(path)
    weights: Counter[str] = Counter()
    operations = []
    for operation in model.get_ordered_ops():
        kind = operation.get_type_name()
        if kind == "Constant":
            name = operation.get_element_type().get_type_name()
            weights[name] += operation.get_byte_size()
        elif kind not in MARKERS:
            operations.append((kind, _openvino_dtype(operation)))
    facts = {"made by": _runtime_version(model)}
    return weights, iter(operations), facts, ""


def _openvino_dtype(operation: Any) -> str:
    sources = [value.get_source_output().get_node() for value in operation.inputs()]
    if sources and sources[0].get_type_name() == "FakeQuantize":
        return "int8" if sources[0].get_levels() <= 256 else "int16"
    outputs = operation.outputs()
    return str(outputs[0].get_element_type().get_type_name()) if outputs else "none"


def _runtime_version(model: Any) -> str:
    try:
        return f"OpenVINO {model.get_rt_info('Runtime_version').astype(str)}"
    except RuntimeError:
        return ""


def _decoded(text: Any) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text or "")
