"""Real trained models with real data, from packages alone; for benches and the conversion matrix.

One file per model, each with ``prepare(progress) -> RealModel``. What is prepared stays in edgekit's
cache folder; nothing of it belongs to the repository. Calibration and evaluation samples are disjoint.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from real_models.model import RealModel

NAMES = (
    "efficientnet",
    "silero",
    "magika",
    "minilm",
    "fashion_mobilenet",
    "fashion_resnet",
    "digits",
)
"""The modules of this package that prepare a model."""


def prepare(
    names: Sequence[str] = NAMES, *, progress: Callable[[str], None] = print
) -> tuple[RealModel, ...]:
    """The models of these names, made where they are not there yet."""
    return tuple(
        importlib.import_module(f"real_models.{name}").prepare(progress) for name in names
    )
