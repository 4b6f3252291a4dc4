"""Where an ONNX model can be cut in two, and the two halves.

request  {"do": "list", "model": PATH}
reply    {"nodes": [[NAME, TYPE, [OUTPUT]]], "cuts": [[AFTER, TENSOR, SHAPE, DTYPE, BYTES]],
          "inputs": [SPEC], "outputs": [SPEC]}

request  {"do": "cut", "model": PATH, "tensor": NAME, "folder": PATH, "inputs": [[FILE]] (recorded
          samples, one raw file per input)}
reply    {"deviation": X}: the largest difference between the halves' outputs and the whole's; the
          folder holds head.onnx, tail.onnx, and head.npz, tail.npz with their inputs
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy

from edgekit.convert.workers.onnx_files import (
    DTYPES,
    graph_inputs,
    input_specs,
    load_onnx,
    spec_of,
)
from edgekit.core.errors import UnsupportedModel
from edgekit_runner.samples import concrete


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    model = load_onnx(request["model"])
    if request["do"] == "list":
        return _list(model)
    return _cut(model, request)


def _list(model: Any) -> dict[str, Any]:  # Any: a ModelProto, JSON
    nodes = [[node.name, node.op_type, list(node.output)] for node in model.graph.node]
    return {
        "nodes": nodes,
        "cuts": list(cuts_of(model)),
        "inputs": input_specs(model),
        "outputs": [spec_of(value) for value in model.graph.output],
    }


def cuts_of(model: Any) -> list[list[Any]]:  # Any: a ModelProto, JSON
    """Every place, in the file's order, at which exactly one tensor of known size crosses."""
    import onnx

    known = onnx.shape_inference.infer_shapes(model).graph
    values = {v.name: v for v in (*known.value_info, *known.output)}
    graph = model.graph
    last_use: dict[str, int] = {}
    for number, node in enumerate(graph.node):
        for name in _read_by(node):
            last_use[name] = number
    for value in graph.output:
        last_use[value.name] = len(graph.node)
    alive = {value.name for value in graph_inputs(model)}
    fixed = {tensor.name for tensor in graph.initializer}
    found = []
    for number, node in enumerate(graph.node[:-1]):
        made = set(node.output) - {""}
        reads = set(_read_by(node)) - {""}
        if reads <= fixed:  # a constant is computed on both sides
            fixed |= made
            continue
        alive = {n for n in alive | made if last_use.get(n, -1) > number} - fixed
        if len(alive) != 1:
            continue
        (name,) = alive
        described = _described(values.get(name))
        if described and name not in {value.name for value in graph.output}:
            found.append([number, name, *described])
    return found


def _read_by(node: Any) -> list[str]:  # Any: a NodeProto
    """Names that a node reads, those inside its branches as well."""
    found = list(node.input)
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                found += _read_by(inner)
    return found


def _described(value: Any) -> tuple[list[int], str, int] | None:  # Any: a ValueInfoProto or None
    """Shape, type and size of a tensor; None where they are not fixed."""
    if value is None or value.type.tensor_type.elem_type not in DTYPES:
        return None
    spec = spec_of(value)
    if not spec["shape"] or any(length <= 0 for length in spec["shape"]):
        return None
    size = math.prod(spec["shape"]) * numpy.dtype(spec["dtype"]).itemsize
    return spec["shape"], spec["dtype"], size


def _cut(model: Any, request: dict[str, Any]) -> dict[str, Any]:  # Any: a ModelProto, JSON
    import onnx
    import onnxruntime

    folder, tensor = Path(request["folder"]), request["tensor"]
    names = [value.name for value in graph_inputs(model)]
    outputs = [value.name for value in model.graph.output]
    head, tail = folder / "head.onnx", folder / "tail.onnx"
    try:
        onnx.utils.extract_model(request["model"], str(head), names, [tensor])
        onnx.utils.extract_model(request["model"], str(tail), [tensor], outputs)
    except ValueError as err:
        raise UnsupportedModel(f"the model cannot be cut at {tensor!r}: {err}") from err
    sessions = {
        name: onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for name, path in (("whole", request["model"]), ("head", head), ("tail", tail))
    }
    specs = input_specs(model)
    inputs: list[list[Any]] = [[] for _ in specs]
    middles, deviation = [], 0.0
    for files in request["inputs"]:
        feed = {}
        for spec, path, kept in zip(specs, files, inputs, strict=True):
            values = numpy.fromfile(path, dtype=spec["dtype"])
            feed[spec["name"]] = values.reshape(concrete(spec["shape"], values.size))
            kept.append(feed[spec["name"]][0])
        (middle,) = sessions["head"].run([tensor], feed)
        middles.append(middle[0])
        whole = sessions["whole"].run(outputs, feed)
        behind = sessions["tail"].run(outputs, {tensor: middle})
        for one, other in zip(whole, behind, strict=True):
            difference = numpy.abs(one.astype("float64") - other.astype("float64"))
            deviation = max(deviation, float(difference.max()))
    named = {spec["name"]: numpy.stack(kept) for spec, kept in zip(specs, inputs, strict=True)}
    numpy.savez(folder / "head.npz", allow_pickle=False, **named)
    numpy.savez(folder / "tail.npz", allow_pickle=False, **{tensor: numpy.stack(middles)})
    return {"deviation": deviation}
