"""The graph of formats: every file of steps/ is an edge; the cheapest path is taken."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from edgekit.core.artifact import Format
from edgekit.core.errors import RecipeError, UnsupportedModel
from edgekit.core.plugins import plugins
from edgekit.core.suggest import did_you_mean

ENGINE_FORMAT: Mapping[str, Format] = {
    "litert": Format.TFLITE,
    "tflite_runtime": Format.TFLITE,
    "onnxruntime": Format.ONNX,
    "openvino": Format.OPENVINO,
    "tensorrt": Format.ONNX,
}
"""Which format an engine runs. TensorRT builds its own from ONNX, on the board."""
ON_REQUEST = ("tensorrt",)
"""Engines that are taken only when they are asked for: what they compute cannot be checked here."""
MOST_ROUTES = 3
"""More ways than this are not tried one after the other."""


@dataclass(frozen=True)
class Step:
    """An edge: ``edgekit.convert.steps.<module>`` with its constants."""

    name: str
    module: str
    source: Format
    target: Format
    environment: str
    cost: int
    """Relative: more steps and more doubtful ones cost more."""
    recipe: str = ""
    """Set on a step that quantizes within one format."""


@cache
def all_steps() -> tuple[Step, ...]:
    """Every step, ours and other packages'."""
    return tuple(
        Step(
            name.replace("_", "-"),
            module.__name__,
            Format(module.SOURCE),
            Format(module.TARGET),
            module.ENVIRONMENT,
            module.COST,
            recipe,
        )
        for name, module in plugins("edgekit.convert.steps", having="SOURCE").items()
        for recipe in getattr(module, "RECIPES", ("",))
    )


def find_route(source: Format, target: Format) -> tuple[Step, ...]:
    """The cheapest steps from one format to another; within one, what makes it fit for boards.

    Raises:
        UnsupportedModel: there is no way.
    """
    return find_routes(source, target)[0]


def find_routes(source: Format, target: Format) -> tuple[tuple[Step, ...], ...]:
    """The cheapest ways from one format to another, the cheapest first.

    Raises:
        UnsupportedModel: there is none.
    """
    found = tuple(itertools.islice(_ways(source, target), MOST_ROUTES))
    if not found:
        raise UnsupportedModel(
            f"there is no way from {source.value} to {target.value} yet",
            hint="choose another engine: --engine onnxruntime",
        )
    return found


def route_with(source: Format, target: Format, names: tuple[str, ...]) -> tuple[Step, ...]:
    """The cheapest way that has all the named steps, in that order.

    Raises:
        RecipeError: a step is unknown.
        UnsupportedModel: no way between the formats has them.
    """
    known = sorted({step.name for step in all_steps() if not step.recipe})
    for name in names:
        if name not in known:
            raise RecipeError(f"no step is called {name!r}", hint=did_you_mean(name, known))
    ways = list(_ways(source, target))
    for way in ways:
        left = iter(step.name for step in way)
        if all(name in left for name in names):
            return way
    there = "; ".join(",".join(step.name for step in way) for way in ways) or "none"
    raise UnsupportedModel(
        f"no way from {source.value} to {target.value} goes by {', '.join(names)}",
        hint=f"the ways there are: {there}",
    )


def _ways(source: Format, target: Format) -> Iterator[tuple[Step, ...]]:
    """Every way without a circle, the cheapest first."""
    if source == target:
        yield tuple(s for s in all_steps() if s.source == s.target == source and not s.recipe)
        return
    queue: list[tuple[int, int, Format, tuple[Step, ...]]] = [(0, 0, source, ())]
    tie = 0
    while queue:
        cost, _, here, path = heapq.heappop(queue)
        if here == target:
            yield path
            continue
        passed = {step.source for step in path}
        for step in all_steps():
            if step.source == here and step.target not in (here, *passed) and not step.recipe:
                tie += 1
                heapq.heappush(queue, (cost + step.cost, tie, step.target, (*path, step)))


def quantizer(target: Format, recipe: str) -> Step:
    """The step that applies a recipe within a format.

    Raises:
        UnsupportedModel: the format has no such step.
    """
    for step in all_steps():
        if step.source == step.target == target and step.recipe == recipe:
            return step
    raise UnsupportedModel(
        f"{target.value} has no {recipe}", hint="--recipe int8-static or --recipe float"
    )
