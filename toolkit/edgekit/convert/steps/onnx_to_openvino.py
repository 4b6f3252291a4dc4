"""ONNX to OpenVINO IR with float32 weights."""

from __future__ import annotations

from typing import Any

SOURCE = "onnx"
TARGET = "openvino"
ENVIRONMENT = "onnx"
COST = 8


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    import onnx
    import openvino

    from edgekit.convert.workers.onnx_files import fixed_shapes, load_onnx
    from edgekit.convert.workers.openvino_files import save_ir
    from edgekit.convert.workers.versions import versions

    path = request["out"] + ".onnx"
    onnx.save(fixed_shapes(load_onnx(request["model"]), request["shapes"]), path)
    save_ir(openvino.convert_model(path), request["out"], compress_to_fp16=False)
    return {"tools": versions("openvino"), "warnings": [], "channel_last": []}
