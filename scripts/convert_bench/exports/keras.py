"""A Keras model to ONNX by Keras's own export, and to TFLite by a bare TFLiteConverter.

request  {"model": PATH.keras, "format": "onnx" or "tflite", "out": PATH}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from convert_bench.exports.names import input_names

ENVIRONMENT = "tensorflow"
FORMATS = ("onnx", "tflite")


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Writes the float model; gives the names of its inputs."""
    import keras
    import tensorflow as tf

    model = keras.saving.load_model(request["model"], compile=False)
    if request["format"] == "onnx":
        (tensor,) = model.inputs
        signature = [
            keras.InputSpec(shape=(1, *tensor.shape[1:]), dtype=tensor.dtype, name="image")
        ]
        model.export(request["out"], format="onnx", verbose=False, input_signature=signature)
    else:
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        Path(request["out"]).write_bytes(converter.convert())
    return {"names": input_names(request["out"])} if request["format"] == "onnx" else {}
