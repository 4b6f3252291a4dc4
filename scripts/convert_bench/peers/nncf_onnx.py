"""NNCF on ONNX, for ONNX Runtime: ``nncf.quantize`` by its defaults."""

from __future__ import annotations

from typing import Any

NAME = "NNCF (ONNX)"
ENGINE = "onnxruntime"
FORMAT = "onnx"
STARTS_FROM = "onnx"
ENVIRONMENT = "onnx"
VARIANTS = ("int8-static",)


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    import nncf
    import onnx

    from convert_bench.peers.ort_quantization import feeds

    dataset = nncf.Dataset(list(feeds(request)), lambda row: row)
    onnx.save(nncf.quantize(onnx.load(request["model"]), dataset), request["out"])
    return {}
