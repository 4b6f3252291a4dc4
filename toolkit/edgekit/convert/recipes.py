"""Named ways to make a model smaller, as data, and the ladder that ``auto`` climbs.

A recipe is a scheme (what is stored and computed in which numbers) with the parameters of how the
numbers are found. The schemes:

``int8-static``   weights and activations in int8, ranges from calibration samples
``int8-dynamic``  weights in int8, activations quantized while running; pays for transformers
``int8-weights``  weights in int8, computed in float32: a smaller file, not a faster model
``int16x8``       weights in int8, activations in int16: for models that int8 breaks
``fp16``          weights in half precision; faster only where the board computes in it
``int4-block``    weights in int4 with a scale for every 32, for large matrices
``float``         nothing but the change of format
``auto``          the first of the profile's order that can be done, and keeps the budget if there is one
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgekit.core.artifact import Format
from edgekit.core.errors import RecipeError
from edgekit.core.profile import DeviceProfile
from edgekit.core.suggest import did_you_mean

STATIC = "int8-static"
DYNAMIC = "int8-dynamic"
FLOAT = "float"
AUTO = "auto"
WEIGHTS = "int8-weights"
INT16 = "int16x8"
FP16 = "fp16"
INT4 = "int4-block"

ALL_FORMATS = (Format.TFLITE, Format.ONNX, Format.OPENVINO)
MIXED_SHARE = 0.5
MIXED_MOST_SHARE = 0.9


@dataclass(frozen=True)
class Recipe:
    """A scheme with its parameters."""

    name: str
    scheme: str
    summary: str
    formats: tuple[Format, ...] = ALL_FORMATS
    """Where it can be made."""
    ranges: str = "min-max"
    """How activation ranges are found: min-max, mse, percentile or entropy."""
    bias_correction: str = "none"
    """none; fast: each layer's mean error from its weights alone; full: layer by layer through
    the quantized network. NNCF's own fast way is worse than its full one, so OpenVINO has full."""
    is_equalized: bool = False
    """Scales of neighbouring layers' channels are evened out before quantizing."""
    keep_float: str = "none"
    """Layers left in float32: none; edges: the first, the last and tiny ones; sensitive: those
    that cause ``keep_share`` of the output's noise; accuracy: those that NNCF's accuracy control
    puts back, one after the other."""
    keep_share: float = 0.0
    scope: str = "all"
    """all: everything that has an int8 form; layers: convolutions and matrix products with weights,
    while what lies between them is computed in float32."""
    smooth_alpha: float | None = None
    """SmoothQuant's share of difficulty that moves from activations to weights, 0..1."""

    @property
    def needs_calibration(self) -> bool:
        """True when ranges come from samples."""
        return self.scheme in (STATIC, INT16)


CATALOG: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            STATIC,
            STATIC,
            "ranges from minimum and maximum, weights per channel, mean errors taken out",
            bias_correction="fast",
        ),
        Recipe(
            "int8-static-plain",
            STATIC,
            "the same without correcting biases",
        ),
        Recipe(
            "int8-static-bias",
            STATIC,
            "biases corrected layer by layer through the quantized network",
            (Format.TFLITE, Format.ONNX),
            bias_correction="full",
        ),
        Recipe(
            "int8-static-mse",
            STATIC,
            "ranges that make the least mean square error: outliers are clipped",
            ranges="mse",
            bias_correction="fast",
        ),
        Recipe(
            "int8-static-percentile",
            STATIC,
            "ranges that hold 99.99 % of the values",
            ranges="percentile",
            bias_correction="fast",
        ),
        Recipe(
            "int8-static-entropy",
            STATIC,
            "ranges of least information loss (Kullback-Leibler)",
            (Format.TFLITE, Format.ONNX),
            ranges="entropy",
            bias_correction="fast",
        ),
        Recipe(
            "int8-static-equalized",
            STATIC,
            "channels of neighbouring layers brought to one scale first",
            bias_correction="fast",
            is_equalized=True,
        ),
        Recipe(
            "int8-static-smooth",
            STATIC,
            "SmoothQuant: outliers of activations moved into the weights, for transformers",
            (Format.ONNX, Format.OPENVINO),
            bias_correction="fast",
            smooth_alpha=0.5,
        ),
        Recipe(
            "int8-static-edges",
            STATIC,
            "the first, the last and tiny layers stay in float32",
            bias_correction="fast",
            keep_float="edges",
        ),
        Recipe(
            "int8-static-layers",
            STATIC,
            "layers with weights in int8, what lies between them in float32",
            bias_correction="fast",
            scope="layers",
        ),
        Recipe(
            "int8-mixed",
            STATIC,
            "the layers that make half of the noise stay in float32",
            bias_correction="fast",
            keep_float="sensitive",
            keep_share=MIXED_SHARE,
        ),
        Recipe(
            "int8-mixed-most",
            STATIC,
            "the layers that make nine tenths of the noise stay in float32",
            bias_correction="fast",
            keep_float="sensitive",
            keep_share=MIXED_MOST_SHARE,
        ),
        Recipe(
            "int8-static-accuracy",
            STATIC,
            "NNCF's accuracy control puts layers back to float32 until the outputs are right",
            (Format.OPENVINO,),
            bias_correction="fast",
            keep_float="accuracy",
        ),
        Recipe(DYNAMIC, DYNAMIC, "int8 weights", (Format.TFLITE, Format.ONNX)),
        Recipe(WEIGHTS, WEIGHTS, "int8 weights", (Format.TFLITE, Format.OPENVINO)),
        Recipe(INT16, INT16, "int16 activations, int8 weights", (Format.TFLITE,)),
        Recipe(INT4, INT4, "int4 weights in blocks of 32", (Format.TFLITE, Format.OPENVINO)),
        Recipe(FP16, FP16, "weights in half precision"),
        Recipe(FLOAT, FLOAT, "the change of format alone"),
    )
}
"""Every recipe by name.

Source: order and choice of the static ones: data-free quantization (arXiv 1906.04721) for bias
correction and equalization, SmoothQuant (arXiv 2211.10438) for alpha, ONNX Runtime's and NNCF's
documentation for ranges, 2026-11."""

RECIPES = tuple(name for name, recipe in CATALOG.items() if name == recipe.scheme)
"""The schemes, each of which is a recipe."""
LADDER: Mapping[str, tuple[str, ...]] = {
    STATIC: (
        STATIC,
        "int8-static-bias",
        "int8-static-smooth",
        "int8-static-mse",
        "int8-static-percentile",
        "int8-static-equalized",
        "int8-static-edges",
        "int8-static-layers",
        "int8-mixed",
        "int8-mixed-most",
        "int8-static-accuracy",
        INT16,
    ),
}
"""What a scheme of a profile's order stands for: from the fastest to the most careful."""
SHORT_LADDER: Mapping[str, tuple[str, ...]] = {STATIC: (STATIC, "int8-static-layers")}
"""The same where no budget was given: the second serves models that the first destroys."""
PRECISION = {
    STATIC: "int8",
    DYNAMIC: "int8-dynamic",
    WEIGHTS: "int8-weights",
    INT16: "int16x8",
    FP16: "fp16",
    INT4: "int4-block",
    FLOAT: "fp32",
}
"""The precision of a profile's advice that a scheme uses."""


def find_recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        RecipeError: there is none.
    """
    try:
        return CATALOG[name]
    except KeyError as err:
        raise RecipeError(
            f"no recipe is called {name!r}", hint=did_you_mean(name, (*CATALOG, AUTO))
        ) from err


def activation_dtype(arch: str) -> str:
    """What ONNX Runtime's kernels compute with fastest: u8 by x86's VNNI, s8 by ARM's dot product.

    Source: "Choosing parameters for CPU inference", onnxruntime.quantization 1.32, 2026-11.
    """
    return "uint8" if arch == "x86_64" else "int8"


def ladder(
    asked: str, profile: DeviceProfile, *, has_calibration: bool, has_budget: bool = True
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The recipes to try in order, and what a person should know about the choice.

    A named recipe stands alone; ``auto`` gives every rung of the profile's order that can be done
    and pays there, with ``float`` at the end.

    Raises:
        RecipeError: there is no such recipe, or it needs calibration samples that were not given.
    """
    if asked != AUTO:
        recipe = find_recipe(asked)
        if recipe.needs_calibration and not has_calibration:
            raise RecipeError(
                f"{asked} needs calibration samples: about 100 typical inputs",
                hint="--calibration samples.npz (or a folder of pictures, or a Python loader); "
                "without any: --recipe int8-dynamic",
            )
        return (asked,), _warnings(recipe, profile)
    notes: list[str] = []
    rungs: list[str] = []
    for scheme in profile.recipes:
        reason = "" if scheme == FLOAT else _why_not(scheme, profile)
        if find_recipe(scheme).needs_calibration and not has_calibration:
            reason = "no --calibration samples were given"
        if not reason:
            rungs += (LADDER if has_budget else SHORT_LADDER).get(scheme, (scheme,))
        elif not rungs:  # what comes after the first choice needs no excuse
            notes.append(f"{scheme} was left out: {reason}")
    if any(advice.name == FP16 and advice.pays for advice in profile.precisions):
        rungs = [name for name in rungs if name != FLOAT] + [FP16]
    return tuple(dict.fromkeys((*rungs, FLOAT))), tuple(notes)


def _warnings(recipe: Recipe, profile: DeviceProfile) -> tuple[str, ...]:
    reason = _why_not(recipe.scheme, profile)
    return (f"{recipe.name} may not pay on {profile.id}: {reason}",) if reason else ()


def _why_not(scheme: str, profile: DeviceProfile) -> str:
    for advice in profile.precisions:
        if advice.name == PRECISION[scheme] and not advice.pays:
            return advice.reason
    return ""
