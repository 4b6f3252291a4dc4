"""What is wrong with an ONNX model, said before a library stumbles over it."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from edgekit.convert.workers.operations import listed
from edgekit.core.errors import UnsupportedModel
from edgekit.core.units import format_bytes

LARGEST_BYTES = 2**31 - 1
"""Protocol Buffers end there. Source: protobuf.dev, "Proto Limits", 2026-11."""
STANDARD = ("", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training")
RUNTIMES_OWN = ("com.microsoft", "com.ms.internal.nhwc", "com.microsoft.nchwc")
"""Operations that ONNX Runtime adds; it says itself when it lacks one."""
TEXT = 8
"""TensorProto.STRING. Source: onnx.proto."""


def require_size(path: str) -> None:
    """The file is one that a parser takes.

    Raises:
        UnsupportedModel: it is too large.
    """
    size_bytes = os.path.getsize(path)
    if size_bytes > LARGEST_BYTES:
        raise UnsupportedModel(
            f"the ONNX file has {format_bytes(size_bytes)}, more than the 2 GiB that its format holds",
            hint="keep the weights beside it: onnx.save(model, path, save_as_external_data=True)",
        )


def require_known(model: Any) -> None:  # Any: a ModelProto
    """Version and operations exist, and inputs are numbers.

    Raises:
        UnsupportedModel: something is newer than the installed onnx, or nobody's.
    """
    import onnx

    if model.ir_version > onnx.IR_VERSION:
        raise UnsupportedModel(
            f"the ONNX file is of IR version {model.ir_version}; onnx {onnx.__version__} knows up to "
            f"{onnx.IR_VERSION}",
            hint="export it again: model.ir_version = 10 before onnx.save",
        )
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1)
    newest = onnx.defs.onnx_opset_version()
    if opset > newest:
        raise UnsupportedModel(
            f"the model is of opset {opset}; onnx {onnx.__version__} knows up to {newest}",
            hint="export it with opset 17, which the runtimes of all boards read",
        )
    unknown = _unknown(model)
    if unknown:
        raise UnsupportedModel(
            f"no engine has {listed(unknown)}",
            hint="export the model with standard ONNX operations in their place",
        )
    texts = [v.name for v in model.graph.input if v.type.tensor_type.elem_type == TEXT]
    if texts:
        raise UnsupportedModel(
            f"input {texts[0]!r} is text; engines of boards take numbers",
            hint="export the model from the numbers on that the text becomes (token ids)",
        )


def named_weights(model: Any) -> Iterator[tuple[str, Any]]:  # Any: a ModelProto, arrays
    """Name and values of every floating-point weight."""
    from onnx import TensorProto, numpy_helper

    floats = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)
    for tensor in _weights(model.graph):
        if tensor.data_type in floats:
            yield tensor.name, numpy_helper.to_array(tensor)


def reason_of(err: BaseException) -> str:
    """ONNX Runtime's message without its error code and the place in its own source."""
    text = " ".join(str(err).split())
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)
    text = re.sub(r"/onnxruntime_src/\S+:\d+ \S.*?\) (?=[A-Z])", "", text)
    return text[:300] or type(err).__name__


def _unknown(model: Any) -> Counter[str]:
    import onnx

    versions = {o.domain: o.version for o in model.opset_import}
    own = {(function.domain, function.name) for function in model.functions}
    graphs = [model.graph, *model.functions]
    found: Counter[str] = Counter()
    for node in (node for graph in graphs for node in _nodes(graph)):
        if (node.domain, node.op_type) in own or node.domain in RUNTIMES_OWN:
            continue
        domain = "" if node.domain == "ai.onnx" else node.domain
        newest = versions.get(node.domain, versions.get("", 1))
        is_known = domain in STANDARD and onnx.defs.has(node.op_type, newest, domain)
        if not is_known:
            found[f"{node.domain}.{node.op_type}" if domain else node.op_type] += 1
    return found


def _nodes(graph: Any) -> Iterator[Any]:
    """Nodes of a graph and of the graphs inside them."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from _nodes(inner)


def _weights(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                yield attribute.t
            for inner in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from _weights(inner)
