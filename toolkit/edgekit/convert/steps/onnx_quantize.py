"""ONNX float to smaller forms by ONNX Runtime: explicit QDQ, dynamic, half precision."""

from __future__ import annotations

from typing import Any

SOURCE = "onnx"
TARGET = "onnx"
ENVIRONMENT = "onnx"
COST = 5
RECIPES = ("int8-static", "int8-dynamic", "fp16")


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    import onnx
    from onnxruntime.quantization import quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    from edgekit.convert.workers.onnx_files import save_for_boards
    from edgekit.convert.workers.versions import versions

    prepared = request["out"] + ".pre.onnx"
    quant_pre_process(request["model"], prepared, skip_symbolic_shape=False)
    if request["recipe"] == "int8-static":
        _static(prepared, request)
    elif request["recipe"] == "fp16":
        from onnxruntime.transformers.float16 import convert_float_to_float16

        onnx.save(
            convert_float_to_float16(onnx.load(prepared), keep_io_types=True), request["out"]
        )
    else:
        # convolutions quantized while running are slower than float and missing on old boards
        quantize_dynamic(prepared, request["out"], op_types_to_quantize=["MatMul", "Gemm"])
    save_for_boards(onnx.load(request["out"]), request["out"])
    tools = versions("onnxruntime", "onnx")
    return {"tools": tools, "warnings": [], "channel_last": []}


def _static(prepared: str, request: dict[str, Any]) -> None:  # Any: JSON
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    from edgekit.convert.workers.onnx_files import sample_feeds

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # the library is not typed
        """One sample after the other."""

        def __init__(self) -> None:
            self.feeds = iter(sample_feeds(prepared, request["samples"]))

        def get_next(self) -> Any:  # Any: a feed, or None at the end
            """The next feed."""
            return next(self.feeds, None)

    # ARM kernels are fastest with signed activations; x86 VNNI wants unsigned ones.
    signed = request["arch"] != "x86_64"
    quantize_static(
        prepared,
        request["out"],
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        reduce_range=False,
        activation_type=QuantType.QInt8 if signed else QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
