"""SavedModel to TFLite by TFLiteConverter, built-in operations only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SOURCE = "saved_model"
TARGET = "tflite"
ENVIRONMENT = "tensorflow"
COST = 10


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    import tensorflow as tf

    from edgekit.convert.workers.versions import versions
    from edgekit.core.errors import UnsupportedModel

    converter = tf.lite.TFLiteConverter.from_saved_model(request["model"])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        Path(request["out"]).write_bytes(converter.convert())
    except Exception as err:  # the converter has no narrower type
        text = str(err)
        if "TF Select" in text or "custom op" in text.lower() or "flex" in text.lower():
            raise UnsupportedModel(
                "the model has operations that TFLite lacks: " + _operations(text),
                hint="--engine onnxruntime, or replace those operations",
            ) from err
        raise
    return {"tools": versions("tensorflow-cpu"), "warnings": [], "channel_last": []}


def _operations(text: str) -> str:
    import re

    found = re.findall(r"(?:Flex|tf\.)([A-Za-z0-9]+)", text)
    return ", ".join(dict.fromkeys(found)) or text.splitlines()[0][:200]
