"""What a model file holds: inputs, outputs, structure, weights by dtype.

request  {"format": "tflite"|"onnx"|"openvino", "model": PATH}
reply    {"inputs", "outputs": [TensorSpec], "structure": ModelStructure, "weights_bytes": {DTYPE: N}}
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy

from edgekit.convert.workers.structure import read_structure
from edgekit.convert.workers.tensor_specs import spec_of
from edgekit.core.errors import UnsupportedModel
from edgekit.core.record import to_plain

ENGINES = {"tflite": "litert", "onnx": "onnxruntime", "openvino": "openvino"}


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    from edgekit_runner import engines

    kind, path = request["format"], request["model"]
    try:
        session = engines.find_engine(ENGINES[kind]).load(path, 1)
    except (RuntimeError, ValueError) as err:
        text = str(err).strip().splitlines()
        raise UnsupportedModel(
            f"{ENGINES[kind]} cannot read it: {text[0][:300] if text else 'no reason given'}",
            hint="is the file complete?",
        ) from err
    counts = {"tflite": _tflite, "onnx": _onnx, "openvino": _openvino}[kind](path)
    return {
        "inputs": [spec_of(tensor) for tensor in session.inputs],
        "outputs": [spec_of(tensor) for tensor in session.outputs],
        "structure": to_plain(read_structure(kind, path)),
        "weights_bytes": dict(counts.most_common()),
    }


def _tflite(path: str) -> Counter[str]:
    from ai_edge_litert import schema_py_generated as schema

    with open(path, "rb") as stream:
        model = schema.ModelT.InitFromPackedBuf(stream.read(), 0)
    names = {v: k.lower() for k, v in vars(schema.TensorType).items() if isinstance(v, int)}
    found: Counter[str] = Counter()
    seen: set[int] = set()
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            buffer = model.buffers[tensor.buffer]
            size = len(buffer.data) if buffer.data is not None else int(buffer.size)
            if size and tensor.buffer not in seen:
                seen.add(tensor.buffer)
                found[names.get(tensor.type, str(tensor.type))] += size
    return found


def _onnx(path: str) -> Counter[str]:
    import onnx

    model = onnx.load(path)
    constants = [
        attribute.t
        for node in model.graph.node
        for attribute in node.attribute
        if node.op_type == "Constant" and attribute.name == "value"
    ]
    found: Counter[str] = Counter()
    for tensor in [*model.graph.initializer, *constants]:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
        found[str(dtype)] += int(numpy.prod(tensor.dims)) * dtype.itemsize
    return found


def _openvino(path: str) -> Counter[str]:
    import openvino

    found: Counter[str] = Counter()
    for operation in openvino.Core().read_model(path).get_ordered_ops():
        if operation.get_type_name() == "Constant":
            name = operation.get_element_type().get_type_name()
            found[name] += operation.get_byte_size()
    return found
