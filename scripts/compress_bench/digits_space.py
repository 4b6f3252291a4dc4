"""A space of small convolutional networks for 8x8 digits."""

from __future__ import annotations

from typing import Any

from torch import nn


def build(trial: Any) -> Any:  # Any: an Optuna trial, a torch module
    """Width, depth, kernel and where the picture gets smaller."""
    width = trial.suggest_int("width", 4, 64, step=4)
    depth = trial.suggest_int("depth", 1, 5)
    kernel = trial.suggest_categorical("kernel", [1, 3, 5])
    stride = trial.suggest_categorical("stride", [1, 2])
    layers: list[Any] = [nn.Conv2d(1, width, 3, stride, 1), nn.ReLU()]
    for _ in range(depth):
        layers += [nn.Conv2d(width, width, kernel, 1, kernel // 2), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))
