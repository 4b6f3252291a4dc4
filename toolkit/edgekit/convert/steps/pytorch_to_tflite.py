"""PyTorch to TFLite by litert-torch, with picture inputs in channel-last layout."""

from __future__ import annotations

from typing import Any

SOURCE = "pytorch"
TARGET = "tflite"
ENVIRONMENT = "torch"
COST = 10


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    from edgekit.convert.workers.pytorch_source import load
    from edgekit.convert.workers.torch_to_litert import export
    from edgekit.convert.workers.versions import versions

    source = load(request)
    channel_last = export(source.module, source.example, request["out"])
    tools = versions("torch", "litert-torch", "litert-converter")
    return {"tools": tools, "warnings": [], "channel_last": channel_last}
