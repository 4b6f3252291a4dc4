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
    from edgekit.convert.workers.onnx_ml_forms import plain
    from edgekit.convert.workers.openvino_files import save_ir
    from edgekit.convert.workers.versions import versions
    from edgekit.core.errors import UnsupportedModel

    path = request["out"] + ".onnx"
    onnx.save(fixed_shapes(plain(load_onnx(request["model"])), request["shapes"]), path)
    try:
        model = openvino.convert_model(path)
    except Exception as err:  # its own kinds are not exported
        lines = [line.strip() for line in str(err).splitlines() if line.strip()]
        known = [line.removeprefix("-- ") for line in lines if line.startswith("-- ")]
        raise UnsupportedModel(
            f"OpenVINO cannot convert it: {'; '.join(known) or lines[-1]}"[:500],
            hint="--engine onnxruntime",
        ) from err
    save_ir(model, request["out"], compress_to_fp16=False)
    return {"tools": versions("openvino"), "warnings": [], "channel_last": []}
