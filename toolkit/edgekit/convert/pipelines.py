"""How pictures and sound become inputs: presets by name, or numbers written out."""

from __future__ import annotations

from edgekit.core.artifact import PipelineSpec
from edgekit.core.errors import ConfigError
from edgekit.core.suggest import did_you_mean

PRESETS = {
    "unit": ((0.0,) * 3, (255.0,) * 3),
    "signed": ((127.5,) * 3, (127.5,) * 3),
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "raw": ((0.0,) * 3, (1.0,) * 3),
}
"""Name to mean and standard deviation per channel, in pixel values 0..255.

Source: torchvision's weights documentation for ``imagenet``, Keras applications'
``preprocess_input`` for ``signed``."""


def parse_pipeline(text: str) -> PipelineSpec:
    """A pipeline from ``unit``, ``signed``, ``imagenet``, ``raw`` or ``mean=127,std=128``.

    ``audio:rate=16000`` takes sound at that sample rate. Three values per channel are written with ``/``: ``mean=123.7/116.3/103.5,std=58/57/57``.

    Raises:
        ConfigError: it is neither.
    """
    if not text:
        return PipelineSpec(kind="tensor")
    if text in PRESETS:
        preset = PRESETS[text]
        return PipelineSpec(kind="image", mean=preset[0], std=preset[1])
    if text.startswith("audio"):
        return _audio(text)
    values: dict[str, tuple[float, ...]] = {}
    for part in text.split(","):
        key, _, numbers = part.partition("=")
        try:
            channels = [float(number) for number in numbers.split("/")]
        except ValueError:
            channels = []
        if key.strip() not in ("mean", "std") or len(channels) not in (1, 3):
            raise ConfigError(
                f"no pipeline is called {text!r}",
                hint=f"{did_you_mean(text, PRESETS)}, or mean=127,std=128",
            )
        values[key.strip()] = tuple(channels * (3 // len(channels)))
    std = values.get("std", (1.0,) * 3)
    if 0.0 in std:
        raise ConfigError(f"pipeline {text!r}: std must not be 0")
    return PipelineSpec(kind="image", mean=values.get("mean", (0.0,) * 3), std=std)


def _audio(text: str) -> PipelineSpec:
    kind, _, rate = text.partition(":rate=")
    if kind != "audio" or not rate.isdigit() or int(rate) < 1:
        raise ConfigError(f"pipeline {text!r}: no sample rate", hint="--pipeline audio:rate=16000")
    return PipelineSpec(kind="audio", sample_rate_hz=int(rate))
