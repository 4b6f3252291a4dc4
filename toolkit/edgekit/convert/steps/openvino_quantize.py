"""OpenVINO IR float to int8 by NNCF, with full bias correction."""

from __future__ import annotations

from typing import Any

SOURCE = "openvino"
TARGET = "openvino"
ENVIRONMENT = "onnx"
COST = 5
RECIPES = ("int8-static",)


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    import nncf
    import numpy
    import openvino

    from edgekit.convert.workers.samples_file import read_inputs
    from edgekit.convert.workers.versions import versions

    model = openvino.Core().read_model(request["model"])
    inputs = read_inputs(request["samples"])
    feeds = [[array[i] for array in inputs] for i in range(len(inputs[0]))]
    dataset = nncf.Dataset(feeds, lambda arrays: [numpy.ascontiguousarray(a) for a in arrays])
    quantized = nncf.quantize(
        model,
        dataset,
        subset_size=len(feeds),
        fast_bias_correction=False,
        target_device=nncf.TargetDevice.CPU,
        preset=nncf.QuantizationPreset.MIXED,
    )
    openvino.save_model(quantized, request["out"], compress_to_fp16=False)
    return {"tools": versions("openvino", "nncf"), "warnings": [], "channel_last": []}
