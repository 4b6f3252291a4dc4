"""ONNX to ONNX for boards: one file, fixed shapes, a version that older runtimes read."""

from __future__ import annotations

from typing import Any

SOURCE = "onnx"
TARGET = "onnx"
ENVIRONMENT = "onnx"
COST = 1


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    from edgekit.convert.workers.onnx_files import (
        fixed_shapes,
        load_onnx,
        lowered,
        save_for_boards,
    )
    from edgekit.convert.workers.versions import versions

    model = fixed_shapes(load_onnx(request["model"]), request["shapes"])
    save_for_boards(lowered(model, request["opset"]), request["out"])
    return {"tools": versions("onnx"), "warnings": [], "channel_last": []}
