"""ONNX float to smaller forms by ONNX Runtime: explicit QDQ, dynamic, half precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SOURCE = "onnx"
TARGET = "onnx"
ENVIRONMENT = "onnx"
COST = 5
RECIPES = ("int8-static", "int8-dynamic", "fp16")
TENSORRT = {
    "ActivationSymmetric": True,
    "WeightSymmetric": True,
    "QuantizeBias": False,
    "AddQDQPairToWeight": True,
    "DedicatedQDQPair": True,
}
"""Zero points of zero, float biases, and Q/DQ pairs also at weights: what TensorRT's explicit
quantization reads. Source: TensorRT developer guide, "Working with Quantized Types"; ONNX Runtime's
example for its TensorRT provider, 2026-11."""


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    import onnx
    from onnxruntime.quantization import quantize_dynamic

    from edgekit.convert.workers.onnx_files import prepare_for_quantization, save_for_boards
    from edgekit.convert.workers.versions import versions

    prepared = request["out"] + ".pre.onnx"
    prepare_for_quantization(request["model"], prepared)
    warnings: list[str] = []
    layers: list[dict[str, Any]] = []  # Any: JSON
    tools = ["onnxruntime", "onnx"]
    if request["recipe"] == "int8-static":
        if request["parameters"]["smooth_alpha"] is not None:
            from edgekit.convert.workers.nncf_static import quantize_onnx

            quantize_onnx(prepared, request)
            tools.append("nncf")
        else:
            warnings, layers = _static(prepared, request)
    elif request["recipe"] == "fp16":
        from onnxruntime.transformers.float16 import convert_float_to_float16

        onnx.save(
            convert_float_to_float16(onnx.load(prepared), keep_io_types=True), request["out"]
        )
    else:
        # convolutions quantized while running are slower than float and missing on old boards
        quantize_dynamic(prepared, request["out"], op_types_to_quantize=["MatMul", "Gemm", "LSTM"])
    save_for_boards(onnx.load(request["out"]), request["out"])
    return {"tools": versions(*tools), "warnings": warnings, "channel_last": [], "layers": layers}


# Any: JSON
def _static(prepared: str, request: dict[str, Any]) -> tuple[list[str], list[dict[str, Any]]]:
    import onnx

    from edgekit.convert.workers.onnx_static import StaticQuantizer
    from edgekit.convert.workers.sensitivity import apply_recipe

    parameters = request["parameters"]
    activation = parameters["activation"]
    folder = Path(request["out"]).parent
    model, scope = onnx.load(prepared), parameters["scope"]
    options = None
    if parameters["engine"] == "tensorrt":
        activation, options = "int8", TENSORRT
    work = StaticQuantizer(model, request["samples"], folder, activation, scope, options=options)
    kept, report = apply_recipe(work, parameters)
    onnx.save(work.quantize(kept), request["out"])
    return work.done, report
