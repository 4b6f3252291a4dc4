"""Trains a scikit-learn pipeline on the digits.

request  {"folder": PATH}, which receives the model and its samples
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

MODEL = "digits-perceptron.joblib"
CALIBRATION = 200
EVALUATION = 500


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Writes the files; the model last."""
    import joblib
    import numpy
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    digits = load_digits()
    x, x_test, y, y_test = train_test_split(
        digits.data.astype(numpy.float32),
        digits.target,
        test_size=EVALUATION,
        random_state=0,
        stratify=digits.target,
    )
    network = MLPClassifier((128, 64), max_iter=300, random_state=0)
    model = make_pipeline(StandardScaler(), network).fit(x, y)
    folder = Path(request["folder"])
    numpy.savez_compressed(folder / "calibration.npz", x=x[:CALIBRATION, numpy.newaxis])
    numpy.savez_compressed(folder / "evaluation.npz", x=x_test[:, numpy.newaxis], y=y_test)
    part = folder / f"part-{MODEL}"
    joblib.dump(model, part)
    part.replace(folder / MODEL)
    return {"accuracy": float(model.score(x_test, y_test))}
