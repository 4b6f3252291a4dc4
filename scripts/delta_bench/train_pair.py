"""Trains a small network, then fine-tunes it; exports both versions as TFLite and ONNX.

Runs in the tool environment `tensorflow`: ``python train_pair.py DIGITS.npz FOLDER``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import keras
import numpy
import tensorflow as tf
import tf2onnx


def main(data: Path, folder: Path) -> None:
    """Writes <version>-<form>.tflite and .onnx for the versions base, tuned and retrained."""
    keras.utils.set_random_seed(1)
    loaded = numpy.load(data)
    images = loaded["x"].astype("float32")[..., None].repeat(4, 1).repeat(4, 2) / 16.0
    labels = loaded["y"]
    model = network()
    fit(model, images[:1200], labels[:1200], rate=1e-3, epochs=6)
    export(model, "base", images, folder)
    fit(model, images[600:], labels[600:], rate=1e-5, epochs=1)
    export(model, "tuned", images, folder)
    fit(model, images[600:], labels[600:], rate=1e-3, epochs=2)
    export(model, "retrained", images, folder)


def network() -> Any:  # Any: keras is not typed here
    """1.2 million weights."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((32, 32, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(128, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dense(10),
        ]
    )


def fit(model: Any, images: Any, labels: Any, *, rate: float, epochs: int) -> None:  # Any: numpy
    """Trains with Adam."""
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(images, labels, batch_size=32, epochs=epochs, verbose=0)


def export(model: Any, version: str, images: Any, folder: Path) -> None:  # Any: keras, numpy
    """One version in every form."""
    for form in ("float", "fp16", "int8"):
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if form != "float":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if form == "fp16":
            converter.target_spec.supported_types = [tf.float16]
        if form == "int8":
            converter.representative_dataset = lambda: ([images[i : i + 1]] for i in range(100))
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        (folder / f"{version}-{form}.tflite").write_bytes(converter.convert())
    signature = [tf.TensorSpec((None, 32, 32, 1), tf.float32, name="x")]
    proto, _ = tf2onnx.convert.from_function(
        tf.function(model.call, input_signature=signature), input_signature=signature, opset=17
    )
    (folder / f"{version}-float.onnx").write_bytes(proto.SerializeToString())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
