"""Which layers make the noise of a quantized network: each one quantized alone, outputs compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy

from edgekit.convert.workers.layers import Layer, edge_layers

SAMPLES = 8
"""Ranking needs few: noise of a layer differs between layers by orders of magnitude."""
LARGEST_KEPT = 0.5
"""At most this share of the layers stays in float32; beyond it a float model is the better one."""


class Ranking:
    """Noise power that each layer alone brings into the outputs, relative to their power."""

    # Any: arrays
    def __init__(
        self,
        reference: list[Any],
        layers: list[str],
        run: Callable[[str], list[Any]],
    ) -> None:
        self.powers = {name: noise_power(reference, run(name)) for name in layers}

    def noisiest(self, share: float) -> list[str]:
        """The fewest layers that make this share of the noise, the worst first."""
        total = sum(self.powers.values())
        found: list[str] = []
        for name, _ in self._sorted():
            made = sum(self.powers[known] for known in found)
            if made >= share * total or len(found) >= LARGEST_KEPT * len(self.powers):
                break
            found.append(name)
        return found

    def report(self, kept: list[str]) -> list[dict[str, Any]]:  # Any: JSON
        """Every layer, the worst first."""
        total = sum(self.powers.values()) or 1.0
        return [
            {
                "name": name,
                "snr_db": snr_db(power),
                "noise_share": power / total,
                "is_float": name in kept,
            }
            for name, power in self._sorted()
        ]

    def _sorted(self) -> list[tuple[str, float]]:
        return sorted(self.powers.items(), key=lambda item: (-item[1], item[0]))


def noise_power(reference: list[Any], outputs: list[Any]) -> float:  # Any: arrays
    """Squared error over squared signal, summed over outputs."""
    total = 0.0
    for wanted, got in zip(reference, outputs, strict=True):
        signal = float((wanted.astype(numpy.float64) ** 2).sum())
        error = float(((wanted.astype(numpy.float64) - got) ** 2).sum())
        total += error / signal if signal else error
    return total


def snr_db(power: float) -> float | None:
    """Signal to noise in decibels; None for no noise at all."""
    return round(-10 * math.log10(power), 2) if power > 0 else None


# Any: JSON; arrays
def kept_layers(
    parameters: Mapping[str, Any],
    names: list[str],
    edges: Callable[[], list[str]],
    rank: Callable[[], Ranking],
) -> tuple[list[str], list[dict[str, Any]]]:
    """Layers that stay in float32 by a recipe's parameters, and the report of all where made.

    Args:
        parameters: of the recipe, with the names that a person asked for as ``keep_names``.
        names: of every layer that is quantized.
        edges: gives the first, the last and tiny layers.
        rank: measures every layer.

    Raises:
        ConfigError: a name that a person gave is no layer.
    """
    from edgekit.core.errors import ConfigError
    from edgekit.core.suggest import did_you_mean

    for name in parameters["keep_names"]:
        if name not in names:
            raise ConfigError(
                f"--keep-float: no layer is called {name!r}",
                hint=f"{did_you_mean(name, names)}; all of them: --debug-layers",
            )
    kept = list(parameters["keep_names"])
    if parameters["keep_float"] == "edges":
        kept += edges()
    if parameters["keep_float"] != "sensitive" and not parameters["debug_layers"]:
        return list(dict.fromkeys(kept)), []
    ranking = rank()
    if parameters["keep_float"] == "sensitive":
        kept += ranking.noisiest(parameters["keep_share"])
    kept = list(dict.fromkeys(kept))
    return kept, ranking.report(kept)


class LayerQuantizer(Protocol):
    """What an engine's static quantizer does before it writes the model."""

    def equalize(self) -> None:
        """Evens weights out between neighbouring layers."""

    def calibrate(self, method: str) -> None:
        """Finds the ranges of activations on the samples."""

    def layers(self) -> list[Layer]:
        """Every layer that is quantized."""
        ...

    def rank(self) -> Ranking:
        """The noise of every layer alone."""
        ...

    def correct_bias(self, how: str, keep_float: Iterable[str]) -> None:
        """Takes the mean error of rounding out of the biases."""


# Any: JSON
def apply_recipe(
    work: LayerQuantizer, parameters: Mapping[str, Any]
) -> tuple[list[str], list[dict[str, Any]]]:
    """Everything of a static recipe but the writing, in the order that it needs.

    Returns:
        The layers that stay in float32, and the report of all where made.
    """
    if parameters["is_equalized"]:
        work.equalize()
    work.calibrate(parameters["ranges"])
    layers = work.layers()
    kept, report = kept_layers(
        parameters, [la.name for la in layers], lambda: edge_layers(layers), work.rank
    )
    if parameters["bias_correction"] != "none":
        work.correct_bias(parameters["bias_correction"], kept)
    return kept, report
