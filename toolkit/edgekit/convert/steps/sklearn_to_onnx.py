"""scikit-learn to ONNX by skl2onnx, with probabilities as a plain tensor."""

from __future__ import annotations

from typing import Any

SOURCE = "sklearn"
TARGET = "onnx"
ENVIRONMENT = "sklearn"
COST = 8
OPSET = 17


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.common.exceptions import MissingShapeCalculator

    from edgekit.convert.workers.onnx_files import save_for_boards
    from edgekit.convert.workers.onnx_ml_forms import plain
    from edgekit.convert.workers.sklearn_source import load
    from edgekit.convert.workers.versions import versions
    from edgekit.core.errors import UnsupportedModel

    model = load(request["model"])
    kind = [("features", FloatTensorType([1, int(model.n_features_in_)]))]
    options = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
    try:
        found = to_onnx(model, initial_types=kind, options=options, target_opset=OPSET)
    except MissingShapeCalculator as err:
        raise UnsupportedModel(
            f"skl2onnx does not know this model: {str(err).splitlines()[0][:200]}"
        ) from err
    save_for_boards(plain(found), request["out"])
    return {
        "tools": versions("scikit-learn", "skl2onnx", "onnx"),
        "warnings": [],
        "channel_last": [],
    }
