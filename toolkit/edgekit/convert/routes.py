"""The graph of formats: every file of steps/ is an edge; the cheapest path is taken."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from edgekit.core.artifact import Format
from edgekit.core.errors import UnsupportedModel
from edgekit.core.plugins import plugins

ENGINE_FORMAT: Mapping[str, Format] = {
    "litert": Format.TFLITE,
    "tflite_runtime": Format.TFLITE,
    "onnxruntime": Format.ONNX,
    "openvino": Format.OPENVINO,
}
"""Which format an engine runs. TensorRT builds its engines on the board and has no step yet."""
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
    if source == target:
        return (tuple(s for s in all_steps() if s.source == s.target == source and not s.recipe),)
    queue: list[tuple[int, int, Format, tuple[Step, ...]]] = [(0, 0, source, ())]
    found: list[tuple[Step, ...]] = []
    tie = 0
    while queue and len(found) < MOST_ROUTES:
        cost, _, here, path = heapq.heappop(queue)
        if here == target:
            found.append(path)
            continue
        passed = {step.source for step in path}
        for step in all_steps():
            if step.source == here and step.target not in (here, *passed) and not step.recipe:
                tie += 1
                heapq.heappush(queue, (cost + step.cost, tie, step.target, (*path, step)))
    if not found:
        raise UnsupportedModel(
            f"there is no way from {source.value} to {target.value} yet",
            hint="choose another engine: --engine onnxruntime",
        )
    return tuple(found)


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
