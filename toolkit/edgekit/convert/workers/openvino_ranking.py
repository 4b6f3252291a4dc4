"""The noise of every layer of an OpenVINO model."""

from __future__ import annotations

from typing import Any

import numpy

from edgekit.convert.workers.nncf_static import quantize_openvino
from edgekit.convert.workers.openvino_layers import layers_of
from edgekit.convert.workers.samples_file import read_inputs
from edgekit.convert.workers.sensitivity import SAMPLES, Ranking


def rank(model: Any, samples: str, parameters: dict[str, Any]) -> Ranking:  # Any: OpenVINO, JSON
    """Quantizes once, then takes all rounding out but one layer's, for each layer."""
    feeds = [array[:SAMPLES] for array in read_inputs(samples)]
    settings = parameters | {"bias_correction": "none", "keep_weights": True}
    quantized = quantize_openvino(model.clone(), samples, settings)
    names = [layer.name for layer in layers_of(model)]
    return Ranking(
        _outputs(model, feeds), names, lambda name: _outputs(_only(quantized, name), feeds)
    )


def _only(quantized: Any, name: str) -> Any:  # Any: OpenVINO models
    """A copy in which only this layer's input and weights are rounded."""
    copy = quantized.clone()
    operations = {o.get_friendly_name(): o for o in copy.get_ordered_ops()}
    layer = operations[name]
    kept = {value.get_source_output().get_node().get_friendly_name() for value in layer.inputs()}
    for operation in operations.values():
        is_rounding = operation.get_type_name() == "FakeQuantize"
        if is_rounding and operation.get_friendly_name() not in kept:
            operation.output(0).replace(operation.input(0).get_source_output())
    return copy


def _outputs(model: Any, feeds: list[Any]) -> list[Any]:  # Any: an OpenVINO model, arrays
    import openvino

    exact = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    request = openvino.Core().compile_model(model, "CPU", exact).create_infer_request()
    rows = []
    for i in range(len(feeds[0])):
        found = request.infer([numpy.ascontiguousarray(array[i]) for array in feeds])
        rows.append([numpy.array(found[output]) for output in request.model_outputs])
    return [numpy.stack(column) for column in zip(*rows, strict=True)]
