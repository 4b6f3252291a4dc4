"""Static quantization of TFLite models by ai-edge-quantizer, with what it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy

from edgekit.convert.workers import tflite_layers
from edgekit.convert.workers.layers import (
    Layer,
    correct_bias,
    correct_bias_in_order,
    equalize,
)
from edgekit.convert.workers.ranges import Histogram
from edgekit.convert.workers.sensitivity import SAMPLES, Ranking
from edgekit.core.errors import UnsupportedModel

CORRECTION_SAMPLES = 64
"""Means settle with few samples, each of which has many positions."""
FULL_CORRECTION_SAMPLES = 16
"""Every layer takes a pass over these; the same ones in both networks."""
WITH_WEIGHTS = ("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D_TRANSPOSE", "FULLY_CONNECTED")
"""Operations of the quantizer that are layers."""
INT64 = 4
"""TensorType of the schema: biases beside int16 activations."""


class StaticQuantizer:
    """A float model with its samples, quantized as often as needed."""

    # Any: ranges and feeds of ai-edge-quantizer
    def __init__(
        self,
        data: bytes,
        batches: dict[str, list[dict[str, Any]]],
        scheme: str,
        scope: str = "all",
    ) -> None:
        self.data = data
        self.batches = batches
        self.scheme = scheme
        self.scope = scope
        """all, or layers: what has no weights stays in float32."""
        self.ranges: dict[str, Any] = {}
        self.done: list[str] = []
        """What was done, for the step's report."""

    def calibrate(self, method: str) -> None:
        """Finds the ranges.

        The quantizer's own moving average depends on the order of samples and clips real
        networks: EfficientNet-Lite0 deviates by 0.77 with it and by 0.09 with minimum and maximum.
        """
        from ai_edge_quantizer import calibrator
        from ai_edge_quantizer.utils import qsv_utils

        found = calibrator.Calibrator(
            self.data, num_threads=2, qsv_update_func=qsv_utils.min_max_update
        )
        found.calibrate(self.batches, self._quantizer(self.data)._recipe_manager)
        self.ranges = found.get_model_qsvs()
        if method != "min-max":
            self._narrow(method)

    def quantize(self, keep_float: Iterable[str] = (), only: str | None = None) -> bytes:
        """The quantized model.

        Args:
            keep_float: layers that stay in float32, by their output's name.
            only: quantizes this layer alone.
        """
        work = self._quantizer(self.data, keep_float, only)
        return bytes(work.quantize(self.ranges, enable_progress_report=False).quantized_model)

    def equalize(self) -> None:
        """Evens out channels of neighbouring layers; before calibration.

        Raises:
            UnsupportedModel: no layers follow each other with nothing or a ReLU between.
        """
        model = tflite_layers.read_model(self.data)
        layers = tflite_layers.read_layers(model)
        pairs = equalize(layers)
        if not pairs:
            raise UnsupportedModel(
                "no two neighbouring layers can be equalized (ReLU6 and branches stand between)"
            )
        tflite_layers.write_layers(model, layers)
        self.data = tflite_layers.pack_model(model)
        self.done.append(f"equalized {pairs} pairs of layers")

    def correct_bias(self, how: str, keep_float: Iterable[str]) -> None:
        """Takes the mean error of every layer out of its bias; after calibration."""
        kept = set(keep_float)
        model = tflite_layers.read_model(self.data)
        layers = [la for la in tflite_layers.read_layers(model) if la.name not in kept]
        inputs = {layer.name: layer.input for layer in layers}
        limit = FULL_CORRECTION_SAMPLES if how == "full" else CORRECTION_SAMPLES
        means = self._means(self.data, inputs, limit)
        if how == "full":
            network = _Network(self, self.quantize(kept))
            changed = correct_bias_in_order(layers, means, network)
        else:
            changed = correct_bias(layers, means)
        tflite_layers.write_layers(model, layers)
        self.data = tflite_layers.pack_model(model)
        self.done.append(f"corrected the biases of {changed} layers ({how})")

    def layers(self) -> list[Layer]:
        """Every layer with weights."""
        return tflite_layers.read_layers(tflite_layers.read_model(self.data))

    def rank(self) -> Ranking:
        """The noise of every layer."""
        names = [layer.name for layer in self.layers()]
        return Ranking(
            self._outputs(self.data), names, lambda name: self._outputs(self.quantize(only=name))
        )

    # Any: the quantizer
    def _quantizer(
        self, data: bytes, keep_float: Iterable[str] = (), only: str | None = None
    ) -> Any:
        from ai_edge_quantizer import qtyping, quantizer, recipe

        work = quantizer.Quantizer(data)
        bits = 16 if self.scheme == "int16x8" else 8
        if only is None and self.scope == "layers":
            for kind in WITH_WEIGHTS:
                work.add_static_config(".*", qtyping.TFLOperationName[kind], bits, 8)
        elif only is None:
            named = recipe.static_wi8_ai16 if bits == 16 else recipe.static_wi8_ai8
            work.load_quantization_recipe(named())
        else:
            every = qtyping.TFLOperationName.ALL_SUPPORTED
            work.add_static_config(f"^{re.escape(only)};?$", every, bits, 8)
        for name in keep_float:
            work.update_quantization_recipe(
                f"^{re.escape(name)};?$",
                qtyping.TFLOperationName.ALL_SUPPORTED,
                algorithm_key="no_quantize",
            )
        return work

    def _outputs(self, data: bytes) -> list[Any]:  # Any: arrays
        """Real values of every output over the samples that rank."""
        interpreter = _interpreter(data)
        details = interpreter.get_output_details()
        rows = []
        for _ in self._runs(interpreter, SAMPLES):
            row = [interpreter.get_tensor(detail["index"]) for detail in details]
            rows.append([_real(a, d) for a, d in zip(row, details, strict=True)])
        return [numpy.stack(column) for column in zip(*rows, strict=True)]

    def _narrow(self, method: str) -> None:
        """Ranges of activations from their distribution; those of weights stay."""
        interpreter = _interpreter(self.data)
        indexes = _tensor_indexes(interpreter)
        weights = _constant_names(self.data)
        found = {
            name: Histogram(float(numpy.min(value["min"])), float(numpy.max(value["max"])))
            for name, value in self.ranges.items()
            if name in indexes and name not in weights and "min" in value
        }
        for _ in self._runs(interpreter, None):
            for name, histogram in found.items():
                histogram.add(interpreter.get_tensor(indexes[name]))
        for name, histogram in found.items():
            low, high = histogram.range(method)
            shape = numpy.shape(self.ranges[name]["min"])
            self.ranges[name] = self.ranges[name] | {
                "min": numpy.full(shape, low, numpy.float32),
                "max": numpy.full(shape, high, numpy.float32),
            }

    def _means(self, data: bytes, inputs: dict[str, str], limit: int) -> dict[str, Any]:
        """Channel means of each layer's input in the float model."""
        interpreter = _interpreter(data)
        indexes = _tensor_indexes(interpreter)
        wanted = {name: indexes[tensor] for name, tensor in inputs.items()}
        return self.channel_means(interpreter, wanted, limit)

    # Any: LiteRT's interpreter, arrays
    def channel_means(
        self, interpreter: Any, wanted: dict[str, int], limit: int
    ) -> dict[str, Any]:
        """Channel means of tensors by index, over samples."""
        details = {d["index"]: d for d in interpreter.get_tensor_details()}
        sums = dict.fromkeys(wanted, 0.0)
        count = 0
        for _ in self._runs(interpreter, limit):
            count += 1
            for name, index in wanted.items():
                values = _real(interpreter.get_tensor(index), details[index])
                sums[name] = sums[name] + values.reshape(-1, values.shape[-1]).mean(0)
        return {name: value / count for name, value in sums.items()}

    def _runs(self, interpreter: Any, limit: int | None) -> Iterable[None]:
        """Runs every sample; tensors can be read after each."""
        key, feeds = next(iter(self.batches.items()))
        runner = interpreter.get_signature_runner(key)
        details = runner.get_input_details()
        for feed in feeds[:limit]:
            runner(**{name: _stored(array, details[name]) for name, array in feed.items()})
            yield


class _Network:
    """A quantized model whose biases can be set one by one."""

    def __init__(self, owner: StaticQuantizer, data: bytes) -> None:
        self.owner = owner
        self.model = tflite_layers.read_model(data)
        graph = self.model.subgraphs[0]
        names = [tensor.name.decode() for tensor in graph.tensors]
        self.operators = {
            names[int(output)].removesuffix("_quantized"): op
            for op in graph.operators
            if len(op.inputs) > 1
            for output in op.outputs
        }

    def input_means(self, layer: Layer) -> Any:  # Any: an array or None
        """Channel means of what the layer reads now; None when it is not quantized."""
        op = self.operators.get(layer.name)
        if op is None or len(op.inputs) < 3:
            return None
        interpreter = _interpreter(tflite_layers.pack_model(self.model))
        wanted = {layer.name: int(op.inputs[0])}
        return self.owner.channel_means(interpreter, wanted, FULL_CORRECTION_SAMPLES)[layer.name]

    def set_bias(self, layer: Layer) -> None:
        """Stores the layer's bias."""
        graph = self.model.subgraphs[0]
        tensor = graph.tensors[int(self.operators[layer.name].inputs[2])]
        scale = numpy.asarray(tensor.quantization.scale, numpy.float64)
        wide = tensor.type == INT64
        limits = numpy.iinfo(numpy.int64 if wide else numpy.int32)
        steps = numpy.clip(numpy.round(layer.bias / scale), limits.min, limits.max)
        stored = steps.astype(numpy.int64 if wide else numpy.int32)
        self.model.buffers[tensor.buffer].data = numpy.frombuffer(stored.tobytes(), numpy.uint8)


def _interpreter(data: bytes) -> Any:  # Any: LiteRT's interpreter
    from ai_edge_litert.interpreter import Interpreter

    made = Interpreter(model_content=data, num_threads=2, experimental_preserve_all_tensors=True)
    made.allocate_tensors()
    return made


def _stored(array: Any, detail: dict[str, Any]) -> Any:  # Any: arrays, LiteRT's details
    """The input as the model keeps it."""
    scale, zero_point = detail["quantization"]
    if not scale:
        return array
    limits = numpy.iinfo(detail["dtype"])
    steps = numpy.round(array / scale) + zero_point
    return numpy.clip(steps, limits.min, limits.max).astype(detail["dtype"])


def _real(array: Any, detail: dict[str, Any]) -> Any:  # Any: arrays, LiteRT's details
    """Real values of a tensor."""
    scale, zero_point = detail["quantization"]
    values = array.astype(numpy.float64)
    return (values - zero_point) * scale if scale else values


def _tensor_indexes(interpreter: Any) -> dict[str, int]:  # Any: LiteRT's interpreter
    return {d["name"]: d["index"] for d in interpreter.get_tensor_details()}


def _constant_names(data: bytes) -> set[str]:
    model = tflite_layers.read_model(data)
    tensors = model.subgraphs[0].tensors
    return {
        tensor.name.decode()
        for tensor in tensors
        if model.buffers[tensor.buffer].data is not None and len(model.buffers[tensor.buffer].data)
    }
