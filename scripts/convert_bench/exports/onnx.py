"""An ONNX model with its batch fixed to one, and as TFLite by onnx2tf.

request  {"model": PATH.onnx, "format": "onnx" or "tflite", "out": PATH}
"""

from __future__ import annotations

from typing import Any

from edgekit.toolenvs.pins import ENVIRONMENTS

ENVIRONMENT = ENVIRONMENTS["onnx2tf"]
FORMATS = ("onnx", "tflite")


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Writes the float model; gives the names of its inputs."""
    import onnx

    from convert_bench.exports.names import input_names
    from convert_bench.peers.onnx2tf import run

    model = onnx.load(request["model"])
    weights = {tensor.name for tensor in model.graph.initializer}
    for value in (*model.graph.input, *model.graph.output):
        dims = value.type.tensor_type.shape.dim
        if value.name not in weights and dims and not dims[0].dim_value:
            dims[0].dim_value = 1
    if request["format"] == "onnx":
        onnx.save(model, request["out"])
    else:
        run(request["model"], request["out"], suffix="_float32.tflite")
    return {"names": input_names(request["out"])} if request["format"] == "onnx" else {}
