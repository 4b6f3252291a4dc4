"""Reads Keras models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgekit.core.errors import ConfigError, HostileModel, UnsupportedModel


def load(path: str, *, trust: bool) -> Any:  # Any: a Keras model
    """The model; layers that carry Python code are refused unless trusted.

    Raises:
        HostileModel: it carries code.
        UnsupportedModel: it cannot be read.
    """
    import keras

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=not trust)
    except Exception as err:  # Keras raises many kinds
        text = str(err).strip()
        if "unsafe" in text.lower() or "safe_mode" in text or "Lambda" in text:
            raise HostileModel(
                f"{Path(path).name} has a layer that carries Python code (Lambda)",
                hint="replace the layer, or when you trust the file: --trust",
            ) from err
        first = text.splitlines()[0][:300] if text else type(err).__name__
        raise UnsupportedModel(
            f"Keras cannot read {Path(path).name}: {first}",
            hint="is the file complete, and saved by Keras 2 or 3?",
        ) from err


# Any: a Keras model
def specs_with_shapes(
    model: Any, shapes: Mapping[str, list[int]]
) -> list[tuple[str, tuple[int, ...], str]]:
    """Name, shape without free dimensions (the batch is 1) and dtype of every input.

    Raises:
        ConfigError: a shape was given for an input that does not exist.
        UnsupportedModel: a dimension besides the batch is free and no shape was given.
    """
    names = [tensor.name for tensor in model.inputs]
    unknown = sorted(set(shapes) - set(names))
    if unknown:
        raise ConfigError(
            f"--shape names {unknown[0]!r}, the model's inputs are: {', '.join(names)}",
            hint=f"--shape {names[0]}=1x224x224x3",
        )
    specs = []
    for tensor in model.inputs:
        shape = [1, *tensor.shape[1:]]
        if tensor.name in shapes:
            shape = list(shapes[tensor.name])
        if any(size is None for size in shape):
            raise UnsupportedModel(
                f"input {tensor.name!r} has free dimensions: {tuple(tensor.shape)}",
                hint=f"--shape {tensor.name}=1x224x224x3",
            )
        specs.append((tensor.name, tuple(int(size) for size in shape), str(tensor.dtype)))
    return specs
