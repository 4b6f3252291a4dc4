"""Operations of scikit-learn models (domain ai.onnx.ml) in forms of the standard domain.

Converters to TFLite know the standard domain only. Trees and other operations stay as they are.
Source: the operators' reference implementations, onnx.ai/onnx/operators, ai.onnx.ml 1, 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

DOMAIN = "ai.onnx.ml"


class _Writer:
    """Nodes that take the place of one, and the weights that they need."""

    def __init__(self, node: Any) -> None:  # Any: a NodeProto
        self.name = node.output[0]
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def weight(self, values: Any, dtype: str = "float32") -> str:  # Any: an array
        """Adds a constant; gives its name."""
        from onnx import numpy_helper

        name = f"{self.name}_plain_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(numpy.asarray(values, dtype), name))
        return name

    def add(self, kind: str, inputs: list[str], out: str = "", **attributes: Any) -> str:
        """Adds a node; gives the name of its output."""
        from onnx import helper

        out = out or f"{self.name}_plain_node_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out


def plain(model: Any) -> Any:  # Any: ModelProtos
    """The model with what can be said in the standard domain said there."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        rewrite = FORMS.get(node.op_type) if node.domain == DOMAIN else None
        if rewrite is None:
            nodes.append(node)
            continue
        writer = _Writer(node)
        rewrite(node, _attributes(node), writer, weights)
        nodes += writer.nodes
        model.graph.initializer.extend(writer.weights)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


# Any: attributes, NodeProtos, TensorProtos
Attributes = dict[str, Any]


def _attributes(node: Any) -> Attributes:
    from onnx import helper

    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _scaler(node: Any, given: Attributes, out: _Writer, weights: dict[str, Any]) -> None:
    shifted = out.add("Sub", [node.input[0], out.weight(given.get("offset", [0.0]))])
    out.add("Mul", [shifted, out.weight(given.get("scale", [1.0]))], node.output[0])


def _array_feature_extractor(
    node: Any, given: Attributes, out: _Writer, weights: dict[str, Any]
) -> None:
    flat = out.add("Reshape", [node.input[1], out.weight([-1], "int64")])
    tensor = weights.get(node.input[0])
    if tensor is not None and len(tensor.dims) == 1:  # a vector is taken as one row
        row = out.add("Reshape", [node.input[0], out.weight([1, -1], "int64")])
        out.add("Gather", [row, flat], node.output[0], axis=1)
    else:
        out.add("Gather", [node.input[0], flat], node.output[0], axis=-1)


def _linear_regressor(node: Any, given: Attributes, out: _Writer, weights: dict[str, Any]) -> None:
    targets = int(given.get("targets", 1))
    _linear(node.input[0], given, targets, out, node.output[0])


def _linear_classifier(
    node: Any, given: Attributes, out: _Writer, weights: dict[str, Any]
) -> None:
    classes = list(given["classlabels_ints"])
    scores = _linear(node.input[0], given, len(classes), out)
    best = out.add("ArgMax", [scores], axis=1, keepdims=0)
    out.add("Gather", [out.weight(classes, "int64"), best], node.output[0], axis=0)
    kind = given.get("post_transform", b"NONE").decode()
    if kind == "SOFTMAX":
        out.add("Softmax", [scores], node.output[1], axis=1)
    else:
        out.add("Sigmoid" if kind == "LOGISTIC" else "Identity", [scores], node.output[1])


def _normalizer(node: Any, given: Attributes, out: _Writer, weights: dict[str, Any]) -> None:
    kind = given.get("norm", b"MAX").decode()
    how = {"L1": "ReduceL1", "L2": "ReduceL2", "MAX": "ReduceMax"}[kind]
    # opset 17: axes are an attribute
    length = out.add(how, [node.input[0]], axes=[1], keepdims=1)
    out.add("Div", [node.input[0], length], node.output[0])


def _linear(source: str, given: Attributes, rows: int, out: _Writer, name: str = "") -> str:
    table = numpy.asarray(given["coefficients"], "float32").reshape(rows, -1).T
    product = out.add("MatMul", [source, out.weight(table)])
    offset = given.get("intercepts") or [0.0] * rows
    return out.add("Add", [product, out.weight(offset)], name)


FORMS: dict[str, Callable[[Any, Attributes, _Writer, dict[str, Any]], None]] = {
    "Scaler": _scaler,
    "ArrayFeatureExtractor": _array_feature_extractor,
    "LinearRegressor": _linear_regressor,
    "LinearClassifier": _linear_classifier,
    "Normalizer": _normalizer,
}
