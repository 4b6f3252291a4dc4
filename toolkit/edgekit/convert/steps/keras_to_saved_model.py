"""Keras to a SavedModel, the form that TensorFlow's converters read without surprises."""

from __future__ import annotations

from typing import Any

SOURCE = "keras"
TARGET = "saved_model"
ENVIRONMENT = "tensorflow"
COST = 5


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    import keras

    from edgekit.convert.workers.keras_source import load, specs_with_shapes
    from edgekit.convert.workers.versions import versions

    model = load(request["model"], trust=request["trust"])
    signature = [
        keras.InputSpec(shape=shape, dtype=dtype, name=name)
        for name, shape, dtype in specs_with_shapes(model, request["shapes"])
    ]
    model.export(
        request["out"],
        format="tf_saved_model",
        verbose=False,
        input_signature=[signature] if len(signature) > 1 else signature,
    )
    return {"tools": versions("keras", "tensorflow-cpu"), "warnings": [], "channel_last": []}
