"""What will be tried, in order: engines times recipes with their routes. Nothing is run."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.convert.recipes import DYNAMIC, FLOAT, INT4, WEIGHTS, find_recipe
from edgekit.convert.request import ConvertRequest
from edgekit.convert.routes import (
    ENGINE_FORMAT,
    ON_REQUEST,
    Step,
    find_routes,
    quantizer,
    route_with,
)
from edgekit.core.artifact import Format
from edgekit.core.errors import RecipeError, UnsupportedModel
from edgekit.core.profile import DeviceProfile
from edgekit.core.suggest import did_you_mean


@dataclass(frozen=True)
class Choice:
    """One engine and recipe with the way to it."""

    engine: str
    recipe: str
    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    others: tuple[tuple[Step, ...], ...] = ()
    """Other ways to the format, for where a step of the first fails."""


def engines_to_try(request: ConvertRequest, profile: DeviceProfile) -> tuple[str, ...]:
    """The engine that was asked for, or the profile's in its order.

    Raises:
        RecipeError: the engine is unknown, or the profile lacks it.
    """
    known = {choice.name for choice in profile.engines}
    if not request.engine:
        taken = [c.name for c in profile.engines if c.name in ENGINE_FORMAT]
        return tuple(name for name in taken if name not in ON_REQUEST)
    if request.engine not in ENGINE_FORMAT:
        raise RecipeError(
            f"no engine is called {request.engine!r}",
            hint=did_you_mean(request.engine, ENGINE_FORMAT),
        )
    if request.engine not in known:
        raise RecipeError(
            f"{profile.id} cannot run {request.engine}; it runs {', '.join(sorted(known))}",
            hint=f"edgekit profiles show {profile.id}",
        )
    return (request.engine,)


def choices_of(
    recipes: tuple[str, ...],
    engines: tuple[str, ...],
    notes: tuple[str, ...],
    source: Format,
    request: ConvertRequest,
) -> tuple[Choice, ...]:
    """Every recipe with every engine that can have it, recipes first.

    Raises:
        UnsupportedModel: none can be made, with the reason of each engine.
        RecipeError: the engine that was asked for cannot have the recipe that was asked for.
    """
    choices: list[Choice] = []
    reasons: list[str] = []
    for recipe in recipes:
        for engine in engines:
            try:
                choices.append(_choice(engine, recipe, notes, source, request))
            except (UnsupportedModel, RecipeError) as err:
                if request.engine and request.recipe == recipe:
                    raise
                reasons.append(f"{engine}: {err.message}")
    if not choices:
        raise UnsupportedModel(
            f"nothing can be made of it: {'; '.join(dict.fromkeys(reasons))}",
            hint=f"edgekit profiles show {request.profile}",
        )
    return tuple(choices)


def _choice(
    engine: str,
    recipe: str,
    notes: tuple[str, ...],
    source: Format,
    request: ConvertRequest,
) -> Choice:
    if engine == "tensorrt" and recipe in (DYNAMIC, WEIGHTS):
        raise UnsupportedModel(
            f"tensorrt has no {recipe}", hint="--recipe int8-static with --calibration, or fp16"
        )
    if engine == "tflite_runtime" and recipe in (DYNAMIC, WEIGHTS, INT4):
        if request.recipe == recipe:
            raise RecipeError(
                f"tflite_runtime 2.14 computes {recipe} models wrongly without a word",
                hint="--recipe int8-static with --calibration, or --recipe float",
            )
        notes = (*notes, f"float instead of {recipe}, which tflite_runtime computes wrongly")
        recipe = FLOAT
    target = ENGINE_FORMAT[engine]
    found = find_recipe(recipe)
    if target not in found.formats:
        raise UnsupportedModel(
            f"{target.value} has no {recipe}",
            hint=f"an engine for {' or '.join(f.value for f in found.formats)}, or --recipe auto",
        )
    ways = find_routes(source, target)
    if request.route:
        ways = (route_with(source, target, request.route),)
    steps, *others = ways
    if recipe != FLOAT:
        steps = (*steps, quantizer(target, found.scheme))
    return Choice(engine, recipe, steps, notes, tuple(others))
