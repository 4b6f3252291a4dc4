"""ONNX to TFLite through PyTorch: onnx2torch, then litert-torch."""

from __future__ import annotations

from typing import Any

SOURCE = "onnx"
TARGET = "tflite"
ENVIRONMENT = "torch"
COST = 20


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    import torch

    from edgekit.convert.workers.onnx_files import fixed_shapes, input_specs, load_onnx
    from edgekit.convert.workers.onnx_ml_forms import plain
    from edgekit.convert.workers.onnx_to_torch import to_torch
    from edgekit.convert.workers.torch_to_litert import export
    from edgekit.convert.workers.versions import versions

    model = fixed_shapes(plain(load_onnx(request["model"])), request["shapes"])
    module = to_torch(model)
    kinds = {"float32": torch.float32, "int64": torch.int64, "int32": torch.int32}
    example = tuple(
        torch.zeros(spec["shape"], dtype=kinds.get(spec["dtype"], torch.float32))
        for spec in input_specs(model)
    )
    channel_last = export(module, example, request["out"])
    tools = versions("onnx2torch", "torch", "litert-torch", "litert-converter")
    return {"tools": tools, "warnings": [], "channel_last": channel_last}
