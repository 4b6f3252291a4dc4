"""Quantization-aware training: weights and activations are rounded as int8 would, gradients are not.

Every convolution and dense layer sees its weights in 255 steps per output channel and its input in 256
steps of the range observed so far. After training the plain weights stay, at places where rounding
costs little; what is exported is an ordinary float model for the converter to quantize.

Source: Jacob et al., https://arxiv.org/abs/1712.05877; straight-through gradients:
Bengio et al., https://arxiv.org/abs/1308.3432.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from edgekit.compress.workers.lifting import WIDE

MOMENTUM = 0.05
"""Of the observed range: about the last 20 batches count."""
SMALLEST = 1e-8


class RoundedWeight(nn.Module):  # type: ignore[misc]  # torch is not typed here
    """A weight in 255 symmetric steps per output channel."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, weight: Any) -> Any:  # Any: tensors
        """The weight as int8 stores it."""
        others = [i for i in range(weight.dim()) if i != self.axis]
        scale = weight.detach().abs().amax(others).clamp_min(SMALLEST) / 127
        zero = torch.zeros_like(scale, dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(weight, scale, zero, self.axis, -127, 127)


class RoundedInput:
    """Rounds what a layer is given to 256 steps of the range seen so far."""

    def __init__(self) -> None:
        self.low = self.high = 0.0
        self.is_new = True

    def __call__(self, layer: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Before a layer's forward: its inputs with the first one rounded."""
        value = inputs[0]
        if not value.is_floating_point():
            return inputs
        if layer.training or self.is_new:
            self._observe(float(value.detach().min()), float(value.detach().max()))
        scale = max(self.high - self.low, SMALLEST) / 255
        zero = int(min(max(round(-self.low / scale), 0), 255))
        return (torch.fake_quantize_per_tensor_affine(value, scale, zero, 0, 255), *inputs[1:])

    def _observe(self, low: float, high: float) -> None:
        low, high = min(low, 0.0), max(high, 0.0)
        share = 1.0 if self.is_new else MOMENTUM
        self.low += share * (low - self.low)
        self.high += share * (high - self.high)
        self.is_new = False


class Rehearsal:
    """A module that computes as if it were int8, until :meth:`end`."""

    def __init__(self, module: Any) -> None:
        self.layers = [layer for layer in module.modules() if isinstance(layer, WIDE)]
        self.hooks = [layer.register_forward_pre_hook(RoundedInput()) for layer in self.layers]
        for layer in self.layers:
            axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
            parametrize.register_parametrization(layer, "weight", RoundedWeight(axis))

    def end(self) -> None:
        """Gives the plain weights back."""
        for hook in self.hooks:
            hook.remove()
        for layer in self.layers:
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
