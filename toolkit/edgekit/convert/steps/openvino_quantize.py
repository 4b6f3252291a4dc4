"""OpenVINO IR float to smaller forms: int8 by NNCF with full bias correction, int8 weights, half."""

from __future__ import annotations

from typing import Any

SOURCE = "openvino"
TARGET = "openvino"
ENVIRONMENT = "onnx"
COST = 5
RECIPES = ("int8-static", "int8-weights", "fp16")


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    import openvino

    from edgekit.convert.workers.openvino_files import save_ir
    from edgekit.convert.workers.versions import versions

    model = openvino.Core().read_model(request["model"])
    if request["recipe"] == "int8-static":
        model = _static(model, request["samples"])
    elif request["recipe"] == "int8-weights":
        import nncf

        model = nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_ASYM)
    save_ir(model, request["out"], compress_to_fp16=request["recipe"] == "fp16")
    return {"tools": versions("openvino", "nncf"), "warnings": [], "channel_last": []}


def _static(model: Any, samples: str) -> Any:  # Any: OpenVINO models
    import nncf
    import numpy

    from edgekit.convert.workers.samples_file import read_inputs

    inputs = read_inputs(samples)
    feeds = [[array[i] for array in inputs] for i in range(len(inputs[0]))]
    dataset = nncf.Dataset(feeds, lambda arrays: [numpy.ascontiguousarray(a) for a in arrays])
    return nncf.quantize(
        model,
        dataset,
        subset_size=len(feeds),
        fast_bias_correction=False,
        target_device=nncf.TargetDevice.CPU,
        preset=nncf.QuantizationPreset.MIXED,
    )
