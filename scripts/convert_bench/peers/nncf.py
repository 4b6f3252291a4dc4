"""NNCF on OpenVINO IR: ``nncf.quantize`` and ``nncf.compress_weights`` by their defaults."""

from __future__ import annotations

from typing import Any

NAME = "NNCF"
ENGINE = "openvino"
FORMAT = "xml"
STARTS_FROM = "onnx"
ENVIRONMENT = "onnx"
VARIANTS = ("int8-static", "int8-weights")


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    import nncf
    import openvino

    from convert_bench.feeding import read_samples

    model = openvino.convert_model(request["model"])
    if request["variant"] == "int8-weights":
        model = nncf.compress_weights(model)
    else:
        arrays = read_samples(request["samples"])
        rows = [[array[i] for array in arrays] for i in range(len(arrays[0]))]
        model = nncf.quantize(model, nncf.Dataset(rows, lambda row: row))
    openvino.save_model(model, request["out"])
    return {}
