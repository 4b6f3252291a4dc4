"""A scikit-learn pipeline on the digits that scikit-learn ships (BSD-3-Clause)."""

from __future__ import annotations

from edgekit.toolenvs import worker
from real_models.model import Metric, Progress, RealModel, folder_of


def prepare(progress: Progress) -> RealModel:
    """A scaler and a perceptron, pickled; judged on digits that it has not seen."""
    folder = folder_of("digits")
    model = folder / "digits-perceptron.joblib"
    if not model.exists():
        progress("training a perceptron on digits")
        worker.call("sklearn", "real_models.workers.digits_training", {"folder": str(folder)})
    return RealModel(
        name="digits-perceptron",
        model=model,
        calibration=folder / "calibration.npz",
        evaluation=folder / "evaluation.npz",
        metric=Metric.ACCURACY,
        is_trusted=True,
        about="scikit-learn, scaler and perceptron with 128 and 64 units on 64 values",
    )
