"""Bare TFLiteConverter: Optimize.DEFAULT, with a representative dataset for the static variant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAME = "TFLiteConverter"
ENGINE = "litert"
FORMAT = "tflite"
STARTS_FROM = "keras"
ENVIRONMENT = "tensorflow"
VARIANTS = ("int8-static", "int8-dynamic")


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    import keras
    import tensorflow as tf

    from convert_bench.feeding import read_samples

    model = keras.saving.load_model(request["model"], compile=False)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if request["variant"] == "int8-static":
        (samples,) = read_samples(request["samples"])

        def representative() -> Iterator[list[Any]]:  # Any: arrays
            for sample in samples:
                yield [sample]

        converter.representative_dataset = representative
    Path(request["out"]).write_bytes(converter.convert())
    return {}
