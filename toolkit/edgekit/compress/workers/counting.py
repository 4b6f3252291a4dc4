"""Multiply-accumulates, parameters and bytes of a lifted module."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

FLOAT_BYTES = 4


def macs(module: Any, example: tuple[Any, ...]) -> dict[Any, int]:  # Any: torch modules, tensors
    """Multiply-accumulates of every convolution and dense layer for the example."""
    found: dict[Any, int] = {}

    def count(layer: Any, inputs: Any, output: Any) -> None:
        each = layer.in_features if isinstance(layer, nn.Linear) else layer.weight[0].numel()
        found[layer] = found.get(layer, 0) + output.numel() * each

    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
    hooks = [m.register_forward_hook(count) for m in module.modules() if isinstance(m, kinds)]
    was_training = module.training
    try:
        module.eval()
        with torch.no_grad():
            module(*example)
    finally:
        module.train(was_training)
        for hook in hooks:
            hook.remove()
    return found


def parameters(module: Any) -> int:  # Any: a torch module
    """How many numbers were learned."""
    return sum(p.numel() for p in module.parameters())


def standing(module: Any, example: tuple[Any, ...]) -> dict[str, int]:  # Any: likewise
    """Multiply-accumulates, parameters, and their bytes in float32."""
    count = parameters(module)
    return {
        "macs": sum(macs(module, example).values()),
        "parameters": count,
        "weight_bytes": count * FLOAT_BYTES,
    }
