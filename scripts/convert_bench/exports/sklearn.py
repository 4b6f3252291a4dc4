"""A scikit-learn model to ONNX by skl2onnx.

request  {"model": PATH.joblib, "format": "onnx", "out": PATH}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from convert_bench.exports.names import input_names

ENVIRONMENT = "sklearn"
FORMATS = ("onnx",)


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Writes the float model; gives the names of its inputs."""
    import joblib
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    model = joblib.load(request["model"])
    kind = [("features", FloatTensorType([1, int(model.n_features_in_)]))]
    options = {id(model): {"zipmap": False}}
    found = to_onnx(model, initial_types=kind, options=options, target_opset=17)
    Path(request["out"]).write_bytes(found.SerializeToString())
    return {"names": input_names(request["out"])} if request["format"] == "onnx" else {}
