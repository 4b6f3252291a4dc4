"""A MobileNetV2-like Keras network trained on Fashion-MNIST."""

from __future__ import annotations

from real_models.fashion import prepare_network
from real_models.model import Progress, RealModel


def prepare(progress: Progress) -> RealModel:
    """The trained network with its samples."""
    return prepare_network("fashion-mobilenetv2", 4, progress)
