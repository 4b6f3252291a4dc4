"""PyTorch to ONNX by torch's own exporter."""

from __future__ import annotations

from typing import Any

SOURCE = "pytorch"
TARGET = "onnx"
ENVIRONMENT = "torch"
COST = 10
OPSET = 18
"""Runs on ONNX Runtime 1.19, which the oldest boards have, and is what the exporter targets."""


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    import torch

    from edgekit.convert.workers.onnx_files import save_for_boards
    from edgekit.convert.workers.pytorch_source import load
    from edgekit.convert.workers.versions import versions

    source = load(request)
    if source.program is not None:
        program = torch.onnx.export(source.program, (), dynamo=True, opset_version=OPSET)
        save_for_boards(program.model_proto, request["out"])
    else:
        torch.onnx.export(
            source.module, source.example, request["out"], dynamo=False, opset_version=17
        )
    tools = versions("torch", "onnx", "onnxscript")
    return {"tools": tools, "warnings": [], "channel_last": []}
