"""Layers of an OpenVINO model, to be named in reports and kept in float32."""

from __future__ import annotations

from typing import Any

import numpy

from edgekit.convert.workers.layers import Layer

KINDS = ("Convolution", "GroupConvolution", "MatMul")


def layers_of(model: Any) -> list[Layer]:  # Any: an OpenVINO model
    """Convolutions and matrix multiplications with constant weights, in the graph's order."""
    found = []
    for operation in model.get_ordered_ops():
        if operation.get_type_name() not in KINDS:
            continue
        constant = operation.input(1).get_source_output().get_node()
        while constant.get_type_name() in ("Convert", "FakeQuantize", "Reshape", "Multiply"):
            constant = constant.input(0).get_source_output().get_node()
        if constant.get_type_name() != "Constant":
            continue
        name = operation.get_friendly_name()
        weight = numpy.broadcast_to(numpy.float32(0), tuple(constant.get_output_shape(0)))
        source = operation.input(0).get_source_output().get_node().get_friendly_name()
        found.append(Layer(name, source, name, weight, None))
    return found
