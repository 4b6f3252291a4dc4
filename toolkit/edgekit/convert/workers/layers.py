"""Layers with weights, whatever the format, and what is done to them before quantization.

Weights are [output, input / groups, *kernel] here. The adapters onnx_layers and tflite_layers
read them from a model and write them back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy

EQUALIZING_ROUNDS = 8
"""Rounds over all pairs; ranges settle within a few. Source: arXiv 1906.04721, section 4.1."""
TINY_PARAMETERS = 512
"""Weights of a layer that costs nothing in float32, and whose rounding may cost much."""


@dataclass
class Layer:
    """A convolution or a matrix multiplication with constant weights."""

    name: str
    input: str
    """Name of the tensor that it reads."""
    output: str
    """Name of the tensor that it writes, after a fused activation if there is one."""
    weight: Any  # Any: an array
    bias: Any  # Any: an array, or None when there is none to correct
    groups: int = 1
    activation: str = "none"
    """none, relu, or other: whether scaling its input scales its output."""
    readers: int = 1
    """How many operations read the output; outputs of the model count as one more."""

    def kernel_sums(self, weight: Any) -> Any:
        """Weights summed over the kernel: [output, input / groups]."""
        return weight.reshape(*weight.shape[:2], -1).sum(-1)

    def expected(self, weight: Any, means: Any) -> Any:
        """Mean of the output per channel, bias left out, for an input of these channel means.

        Borders are taken for inside: padding is not counted.
        """
        sums = self.kernel_sums(weight)
        outputs, inputs = sums.shape
        group = numpy.arange(outputs) // max(outputs // self.groups, 1)
        picked = means[(group * inputs)[:, numpy.newaxis] + numpy.arange(inputs)]
        return (sums * picked).sum(1)


def rounded(weight: Any) -> Any:
    """Weights as int8 per output channel would keep them."""
    flat = weight.reshape(len(weight), -1)
    scale = numpy.abs(flat).max(1, keepdims=True) / 127
    scale[scale == 0] = 1.0
    return (numpy.round(flat / scale) * scale).reshape(weight.shape).astype(weight.dtype)


def correct_bias(layers: list[Layer], means: Mapping[str, Any]) -> int:
    """Takes the mean error that rounded weights cause out of every bias; gives how many changed.

    Args:
        layers: with their original weights; biases are changed.
        means: channel means of each layer's input in the float model, by layer name.

    Source: data-free quantization, arXiv 1906.04721, section 4.2, with measured means.
    """
    changed = 0
    for layer in layers:
        if layer.bias is not None and layer.name in means:
            _shift(layer, means[layer.name], means[layer.name])
            changed += 1
    return changed


def correct_bias_in_order(
    layers: list[Layer], means: Mapping[str, Any], quantized: QuantizedNetwork
) -> int:
    """The same, layer by layer through the quantized network; gives how many changed.

    Each layer sees inputs as its already corrected predecessors leave them, so that errors of
    rounded and clipped activations are taken out too. All at once would correct what a
    predecessor's correction already does: EfficientNet-Lite0 loses its function that way.
    """
    changed = 0
    for layer in layers:
        if layer.bias is None or layer.name not in means:
            continue
        found = quantized.input_means(layer)
        if found is None:
            continue
        _shift(layer, means[layer.name], found)
        quantized.set_bias(layer)
        changed += 1
    return changed


class QuantizedNetwork(Protocol):
    """A quantized model whose biases can be set one by one."""

    def input_means(self, layer: Layer) -> Any:  # Any: an array or None
        """Channel means of what the layer reads now; None when it is not quantized."""

    def set_bias(self, layer: Layer) -> None:
        """Stores the layer's bias."""


def _shift(layer: Layer, means: Any, quantized_means: Any) -> None:
    wanted = layer.expected(layer.weight, means)
    got = layer.expected(rounded(layer.weight), quantized_means)
    layer.bias = (layer.bias + wanted - got).astype(layer.bias.dtype)


def equalize(layers: list[Layer]) -> int:
    """Evens out channels of neighbouring layers; gives the number of pairs.

    A pair is a layer whose output only one other layer reads, with nothing or a ReLU between.
    The network computes the same: scales that leave one layer enter the next.
    """
    pairs = _pairs(layers)
    for _ in range(EQUALIZING_ROUNDS):
        for first, second in pairs:
            _equalize(first, second)
    return len(pairs)


def edge_layers(layers: list[Layer]) -> list[str]:
    """Names of the first, the last and tiny layers."""
    tiny = [layer.name for layer in layers if layer.weight.size <= TINY_PARAMETERS]
    return list(dict.fromkeys([layers[0].name, layers[-1].name, *tiny])) if layers else []


def _pairs(layers: list[Layer]) -> list[tuple[Layer, Layer]]:
    by_input: dict[str, list[Layer]] = {}
    for layer in layers:
        by_input.setdefault(layer.input, []).append(layer)
    found = []
    for layer in layers:
        following = by_input.get(layer.output, [])
        if layer.activation in ("none", "relu") and layer.readers == 1 and len(following) == 1:
            channels = following[0].weight.shape[1] * following[0].groups
            if channels == len(layer.weight):
                found.append((layer, following[0]))
    return found


def _equalize(first: Layer, second: Layer) -> None:
    outputs, inputs = second.weight.shape[:2]
    per_group = max(outputs // second.groups, 1)
    channel = (numpy.arange(outputs) // per_group)[:, numpy.newaxis] * inputs
    channel = channel + numpy.arange(inputs)
    leaving = numpy.abs(first.weight.reshape(len(first.weight), -1)).max(1)
    entering = numpy.zeros(len(first.weight))
    peaks = numpy.abs(second.weight.reshape(outputs, inputs, -1)).max(-1)
    numpy.maximum.at(entering, channel.ravel(), peaks.ravel())
    usable = (leaving > 0) & (entering > 0)
    safe_leaving = numpy.where(usable, leaving, 1.0)
    safe_entering = numpy.where(usable, entering, 1.0)
    scale = numpy.where(usable, numpy.sqrt(safe_leaving / safe_entering), 1.0)
    scale = scale.astype(first.weight.dtype)
    first.weight = first.weight / scale.reshape(-1, *[1] * (first.weight.ndim - 1))
    if first.bias is not None:
        first.bias = first.bias / scale
    factors = scale[channel].reshape(outputs, inputs, *[1] * (second.weight.ndim - 2))
    second.weight = second.weight * factors
