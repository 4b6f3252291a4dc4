"""An exported program to ONNX by torch's exporter, and to TFLite by litert-torch, both by their defaults.

request  {"model": PATH.pt2, "format": "onnx" or "tflite", "out": PATH}
"""

from __future__ import annotations

import sys
from typing import Any

from convert_bench.exports.names import input_names

ENVIRONMENT = "torch"
FORMATS = ("onnx", "tflite")


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Writes the float model; gives the names of its inputs."""
    # its binary part may not load beside a CPU build of torch, and no model here needs it
    sys.modules["torchvision"] = None  # type: ignore[assignment]  # says: not there
    import torch

    program = torch.export.load(request["model"])
    if request["format"] == "onnx":
        torch.onnx.export(program, (), dynamo=True, opset_version=18).save(request["out"])
    else:
        import litert_torch

        example = program.example_inputs[0]
        litert_torch.convert(program.module(), example).export(request["out"])
    return {"names": input_names(request["out"])} if request["format"] == "onnx" else {}
