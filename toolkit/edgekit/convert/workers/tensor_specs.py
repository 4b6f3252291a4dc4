"""Tensors of an engine's session as the card's TensorSpec."""

from __future__ import annotations

from typing import Any


def spec_of(tensor: Any, layout: str = "") -> dict[str, Any]:  # Any: contract.Tensor, JSON
    """Name, shape, dtype, quantization and layout."""
    quantization = None
    if tensor.scale:
        quantization = {"scale": tensor.scale, "zero_point": tensor.zero_point}
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "quantization": quantization,
        "layout": layout,
    }
