"""TFLiteConverter on the SavedModel that onnx2tf makes of ONNX, for sources that Keras did not write."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from convert_bench.environments import ONNX2TF_SAVED_MODEL
from convert_bench.peers.programs import call_program

NAME = "onnx2tf 1 + TFLiteConverter"
ENGINE = "litert"
FORMAT = "tflite"
STARTS_FROM = "onnx"
ENVIRONMENT = ONNX2TF_SAVED_MODEL
VARIANTS = ("int8-static", "int8-dynamic")
UNUSED = "calibration_image_sample_data_20x128x128x3_float32.npy"
"""It fetches this file for pictures unless it lies in the working folder, and does not use it here."""
SIGNATURE = "serving_default"


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    import numpy
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        numpy.save(Path(folder) / UNUSED, numpy.zeros((20, 128, 128, 3), numpy.float32))
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        options = ["-i", request["model"], "-o", "saved", "-osd", "-n", "-v", "error"]
        call_program("onnx2tf", options, cwd=folder, env={"PATH": programs})
        saved = str(Path(folder) / "saved")
        converter = tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=[SIGNATURE])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if request["variant"] == "int8-static":
            signature = tf.saved_model.load(saved).signatures[SIGNATURE]
            feeds = list(_feeds(signature.structured_input_signature[1], request))
            converter.representative_dataset = lambda: iter(feeds)
        Path(request["out"]).write_bytes(converter.convert())
    return {}


# Any: TensorFlow's specs, JSON, arrays
def _feeds(specs: Any, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Samples by the names and in the layouts of the SavedModel."""
    from convert_bench.feeding import Input, arranged, places, read_samples

    arrays = read_samples(request["samples"])
    sources = [(n, a.shape[1:]) for n, a in zip(request["names"], arrays, strict=True)]
    inputs = [
        Input(name, tuple(-1 if size is None else size for size in spec.shape), spec.dtype.name)
        for name, spec in specs.items()
    ]
    where = places(sources, inputs)
    for i in range(len(arrays[0])):
        feed = arranged([array[i] for array in arrays], where)
        yield {t.name: a.astype(t.dtype) for t, a in zip(inputs, feed, strict=True)}
