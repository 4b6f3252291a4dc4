"""Static quantization of ONNX models by ONNX Runtime, with what it lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy

from edgekit.convert.workers import onnx_layers
from edgekit.convert.workers.layers import (
    Layer,
    correct_bias,
    correct_bias_in_order,
    equalize,
    rounded,
)
from edgekit.convert.workers.onnx_files import graph_inputs, sample_feeds
from edgekit.convert.workers.ranges import Histogram
from edgekit.convert.workers.sensitivity import SAMPLES, Ranking
from edgekit.core.errors import UnsupportedModel

CORRECTION_SAMPLES = 64
"""Means settle with few samples, each of which has many positions."""
FULL_CORRECTION_SAMPLES = 8
"""Every layer takes a pass over these; the same ones in both networks."""


class StaticQuantizer:
    """A float model with its samples, quantized as often as needed."""

    # Any: a ModelProto
    def __init__(
        self,
        model: Any,
        samples: str,
        folder: Path,
        activation: str,
        scope: str = "all",
        *,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.samples = samples
        self.folder = folder
        self.activation = activation
        """int8 or uint8."""
        self.options = options or {}
        """Of ONNX Runtime's quantizer, beyond its defaults."""
        self.scope = scope
        """all, or layers: what has no weights stays in float32."""
        self.ranges: dict[str, tuple[float, float]] = {}
        self.done: list[str] = []
        """What was done, for the step's report."""
        onnx_layers.name_nodes(model)

    def calibrate(self, method: str) -> None:
        """Finds the ranges of every float tensor, one sample at a time."""
        names = _float_tensors(self.model)
        self.ranges = {}
        for values in self._runs(self.model, names, None):
            for name, array in values.items():
                if array.size:
                    low, high = self.ranges.get(name, (float("inf"), float("-inf")))
                    self.ranges[name] = min(low, float(array.min())), max(high, float(array.max()))
        if method == "min-max":
            return
        found = {name: Histogram(*limits) for name, limits in self.ranges.items()}
        for values in self._runs(self.model, names, None):
            for name, array in values.items():
                if name in found:
                    found[name].add(array)
        self.ranges = {name: histogram.range(method) for name, histogram in found.items()}

    # Any: a ModelProto
    def quantize(self, keep_float: Iterable[str] = ()) -> Any:
        """The quantized model; the named nodes stay in float32."""
        import onnx
        from onnxruntime.quantization import (
            CalibrationMethod,
            QuantFormat,
            QuantType,
            quantize_static,
        )
        from onnxruntime.quantization.calibrate import TensorsData, save_tensors_data

        cache, source, out = (self.folder / n for n in ("ranges.json", "float.onnx", "q.onnx"))
        onnx.save(self.model, str(source))
        limits = {k: tuple(map(numpy.float32, v)) for k, v in self.ranges.items()}
        save_tensors_data(TensorsData(CalibrationMethod.MinMax, limits), cache)
        kind = QuantType.QInt8 if self.activation == "int8" else QuantType.QUInt8
        quantize_static(
            str(source),
            str(out),
            None,
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=False,
            activation_type=kind,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            calibration_cache_path=str(cache),
            nodes_to_exclude=[*keep_float, *self._out_of_scope()],
            extra_options=self.options,
        )
        return onnx.load(str(out))

    def _out_of_scope(self) -> list[str]:
        layers = {layer.name for layer in self.layers()}
        nodes = self.model.graph.node
        return [n.name for n in nodes if self.scope == "layers" and n.name not in layers]

    def equalize(self) -> None:
        """Evens out channels of neighbouring layers; before calibration.

        Raises:
            UnsupportedModel: no layers follow each other with nothing or a ReLU between.
        """
        layers = onnx_layers.read_layers(self.model)
        pairs = equalize(layers)
        if not pairs:
            raise UnsupportedModel(
                "no two neighbouring layers can be equalized (ReLU6 and branches stand between)"
            )
        onnx_layers.write_layers(self.model, layers)
        self.done.append(f"equalized {pairs} pairs of layers")

    def correct_bias(self, how: str, keep_float: Iterable[str]) -> None:
        """Takes the mean error of every layer out of its bias; after calibration."""
        kept = set(keep_float)
        onnx_layers.give_biases(self.model)
        layers = [la for la in onnx_layers.read_layers(self.model) if la.name not in kept]
        limit = FULL_CORRECTION_SAMPLES if how == "full" else CORRECTION_SAMPLES
        wanted = {layer.name: layer.input for layer in layers}
        means = self.channel_means(self.model, wanted, _channel_axes(layers), limit)
        if how == "full":
            network = _Network(self, self.quantize(kept))
            changed = correct_bias_in_order(layers, means, network)
        else:
            changed = correct_bias(layers, means)
        onnx_layers.write_layers(self.model, layers)
        self.done.append(f"corrected the biases of {changed} layers ({how})")

    def layers(self) -> list[Layer]:
        """Every layer with weights."""
        return onnx_layers.read_layers(self.model)

    def rank(self) -> Ranking:
        """The noise of every layer."""
        layers = {layer.name: layer for layer in self.layers()}
        return Ranking(
            self._outputs(self.model),
            list(layers),
            lambda name: self._outputs(self._with_one_rounded(layers[name])),
        )

    # Any: a ModelProto, arrays
    def channel_means(
        self, model: Any, wanted: dict[str, str], axes: dict[str, int], limit: int
    ) -> dict[str, Any]:
        """Channel means of tensors by layer name, over samples."""
        sums = dict.fromkeys(wanted, 0.0)
        count = 0
        for values in self._runs(model, sorted(set(wanted.values())), limit):
            count += 1
            for name, tensor in wanted.items():
                array = numpy.moveaxis(values[tensor], axes[name], -1).astype(numpy.float64)
                sums[name] = sums[name] + array.reshape(-1, array.shape[-1]).mean(0)
        return {name: value / count for name, value in sums.items()}

    def _outputs(self, model: Any) -> list[Any]:  # Any: a ModelProto, arrays
        names = [value.name for value in self.model.graph.output]
        rows = [[row[n] for n in names] for row in self._runs(model, names, SAMPLES)]
        return [numpy.stack(column) for column in zip(*rows, strict=True)]

    def _with_one_rounded(self, layer: Layer) -> Any:  # Any: a ModelProto
        """The float model with one layer's weights and input as int8 keeps them."""
        from onnx import TensorProto, helper

        copy = type(self.model)()
        copy.CopyFrom(self.model)
        onnx_layers.write_layers(copy, [replace(layer, weight=rounded(layer.weight))])
        position = next(i for i, n in enumerate(copy.graph.node) if n.name == layer.name)
        node = copy.graph.node[position]
        low, high = self.ranges.get(layer.input, (0.0, 0.0))
        scale = (max(high, 0.0) - min(low, 0.0)) / 255 or 1.0
        zero = round(-min(low, 0.0) / scale)
        tag = f"{layer.name}_rounded"
        copy.graph.initializer.extend(
            [
                helper.make_tensor(f"{tag}_scale", TensorProto.FLOAT, [], [scale]),
                helper.make_tensor(f"{tag}_zero", TensorProto.UINT8, [], [zero]),
            ]
        )
        marks = [f"{tag}_scale", f"{tag}_zero"]
        store = helper.make_node("QuantizeLinear", [layer.input, *marks], [f"{tag}_q"])
        widen = helper.make_node("DequantizeLinear", [f"{tag}_q", *marks], [tag])
        node.input[0] = tag
        copy.graph.node.insert(position, widen)
        copy.graph.node.insert(position, store)
        return copy

    # Any: a ModelProto, arrays
    def _runs(self, model: Any, names: list[str], limit: int | None) -> Iterator[dict[str, Any]]:
        """Values of the named tensors for every sample."""
        session = _session_with(model, names)
        given = {value.name for value in graph_inputs(model)}
        computed = [name for name in names if name not in given]
        for i, feed in enumerate(sample_feeds(str(self._saved_source()), self.samples)):
            if limit is not None and i >= limit:
                return
            # no names would mean all of them
            values = session.run(computed, feed) if computed else []
            found = dict(zip(computed, values, strict=True))
            yield found | {name: feed[name] for name in names if name in given}

    def _saved_source(self) -> Path:
        import onnx

        path = self.folder / "inputs.onnx"
        if not path.exists():
            onnx.save(self.model, str(path))
        return path


class _Network:
    """A quantized model whose biases can be set one by one."""

    def __init__(self, owner: StaticQuantizer, model: Any) -> None:  # Any: a ModelProto
        self.owner = owner
        self.model = model
        self.nodes = {node.name: node for node in model.graph.node}
        self.makers = {name: node for node in model.graph.node for name in node.output}
        self.weights = {tensor.name: tensor for tensor in model.graph.initializer}

    def input_means(self, layer: Layer) -> Any:  # Any: an array or None
        """Channel means of what the layer reads now; None when it is not quantized."""
        node = self.nodes.get(layer.name)
        if node is None or self._bias(node) is None:
            return None
        wanted = {layer.name: node.input[0]}
        return self.owner.channel_means(
            self.model, wanted, _channel_axes([layer]), FULL_CORRECTION_SAMPLES
        )[layer.name]

    def set_bias(self, layer: Layer) -> None:
        """Stores the layer's bias."""
        from onnx import numpy_helper

        marker = self._bias(self.nodes[layer.name])
        stored, scales = self.weights[marker.input[0]], self.weights[marker.input[1]]
        scale = numpy_helper.to_array(scales).astype(numpy.float64)
        limits = numpy.iinfo(numpy.int32)
        steps = numpy.clip(numpy.round(layer.bias / scale), limits.min, limits.max)
        stored.CopyFrom(numpy_helper.from_array(steps.astype(numpy.int32), stored.name))

    def _bias(self, node: Any) -> Any:  # Any: NodeProtos, or None
        """The marker that widens the node's int32 bias."""
        maker = self.makers.get(node.input[2]) if len(node.input) > 2 else None
        if maker is None or maker.op_type != "DequantizeLinear":
            return None
        return maker if maker.input[0] in self.weights else None


def _channel_axes(layers: list[Layer]) -> dict[str, int]:
    """Axis of the channels in each layer's input: 1 before convolutions, the last elsewhere."""
    return {layer.name: 1 if layer.weight.ndim > 2 else -1 for layer in layers}


def _float_tensors(model: Any) -> list[str]:  # Any: a ModelProto
    """Names of the float32 tensors that are computed or given, weights left out."""
    import onnx

    inferred = onnx.shape_inference.infer_shapes(model)
    values = [*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output]
    # what an optimizer took away may still have its type noted
    there = {name for node in model.graph.node for name in node.output}
    there |= {value.name for value in graph_inputs(model)}
    found = [v.name for v in values if v.type.tensor_type.elem_type == onnx.TensorProto.FLOAT]
    # ONNX Runtime's quantizer wants these whether their type is known or not
    found += [node.output[0] for node in model.graph.node if node.op_type == "Softmax"]
    return list(dict.fromkeys(name for name in found if name in there))


# Any: a ModelProto, a session
def _session_with(model: Any, names: list[str]) -> Any:
    """A session of the model that gives these tensors too."""
    import onnx
    import onnxruntime

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    there = {value.name for value in [*copy.graph.output, *copy.graph.input]}
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in there)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 2
    # fused operations would not show what is between them
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return onnxruntime.InferenceSession(
        copy.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
