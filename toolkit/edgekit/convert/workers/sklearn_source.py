"""Reads scikit-learn models; they are pickles, so only with the user's trust."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgekit.core.errors import UnsupportedModel


def load(path: str) -> Any:  # Any: an estimator
    """The estimator, which was fitted on numbers.

    Raises:
        UnsupportedModel: it is no estimator, or of another scikit-learn.
    """
    import joblib

    try:
        model = joblib.load(path)
    except Exception as err:  # unpickling raises whatever the content says
        raise UnsupportedModel(
            f"{Path(path).name} cannot be read: {type(err).__name__}: {str(err)[:200]}",
            hint="was it saved by another version of scikit-learn?",
        ) from err
    if not hasattr(model, "predict") or not hasattr(model, "n_features_in_"):
        raise UnsupportedModel(
            f"{Path(path).name} holds a {type(model).__name__}, no fitted model"
        )
    return model
