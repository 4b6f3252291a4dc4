"""Named ways to make a model smaller.

``int8-static``   weights and activations in int8, ranges from calibration samples
``int8-dynamic``  weights in int8, activations quantized while running; pays for transformers
``int8-weights``  weights in int8, computed in float32: a smaller file, not a faster model
``int16x8``       weights in int8, activations in int16: for models that int8 breaks
``fp16``          weights in half precision; faster only where the board computes in it
``float``         nothing but the change of format
``auto``          the first of the profile's order that can be done, and keeps the budget if there is one
"""

from __future__ import annotations

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
RECIPES = (STATIC, DYNAMIC, WEIGHTS, INT16, FP16, FLOAT)
NEEDS_CALIBRATION = (STATIC, INT16)
PRECISION = {
    STATIC: "int8",
    DYNAMIC: "int8-dynamic",
    WEIGHTS: "int8-weights",
    INT16: "int16x8",
    FP16: "fp16",
    FLOAT: "fp32",
}
"""The precision of a profile's advice that a recipe uses."""


def ladder(
    asked: str, profile: DeviceProfile, *, has_calibration: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The recipes to try in order, and what a person should know about the choice.

    A named recipe stands alone; ``auto`` gives every recipe of the profile's order that can be
    done and pays there, with ``float`` at the end.

    Raises:
        RecipeError: there is no such recipe, or it needs calibration samples that were not given.
    """
    if asked not in (*RECIPES, AUTO):
        raise RecipeError(
            f"no recipe is called {asked!r}", hint=did_you_mean(asked, (*RECIPES, AUTO))
        )
    if asked in NEEDS_CALIBRATION and not has_calibration:
        raise RecipeError(
            f"{asked} needs calibration samples: about 100 typical inputs",
            hint="--calibration samples.npz (or a folder of pictures, or a Python loader); "
            "without any: --recipe int8-dynamic",
        )
    if asked != AUTO:
        return (asked,), _warnings(asked, profile)
    notes: list[str] = []
    rungs: list[str] = []
    for recipe in profile.recipes:
        reason = "" if recipe == FLOAT else _why_not(recipe, profile)
        if recipe in NEEDS_CALIBRATION and not has_calibration:
            reason = "no --calibration samples were given"
        if not reason:
            rungs.append(recipe)
        elif not rungs:  # what comes after the first choice needs no excuse
            notes.append(f"{recipe} was left out: {reason}")
    return tuple(dict.fromkeys((*rungs, FLOAT))), tuple(notes)


def _warnings(recipe: str, profile: DeviceProfile) -> tuple[str, ...]:
    reason = _why_not(recipe, profile)
    return (f"{recipe} may not pay on {profile.id}: {reason}",) if reason else ()


def _why_not(recipe: str, profile: DeviceProfile) -> str:
    for advice in profile.precisions:
        if advice.name == PRECISION[recipe] and not advice.pays:
            return advice.reason
    return ""
