"""Arrays of the source's inputs to a model's inputs, whatever names and layouts it gave them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any, NamedTuple

import numpy


class Input(NamedTuple):
    """An input as an artifact names it."""

    name: str
    shape: tuple[int, ...]
    dtype: str


class Place(NamedTuple):
    """Which input of the source an artifact's input takes, and with which axes."""

    source: int
    axes: tuple[int, ...]


def read_samples(path: str) -> list[Any]:  # Any: arrays
    """``input_<j>`` [n, *shape] by position."""
    with numpy.load(path, allow_pickle=False) as archive:
        count = sum(name.startswith("input_") for name in archive.files)
        return [archive[f"input_{j}"] for j in range(count)]


def places(
    sources: Sequence[tuple[str, tuple[int, ...]]], inputs: Sequence[Input]
) -> tuple[Place, ...]:
    """For each input: the source of that name, else the first free one whose axes can be turned to fit.

    Raises:
        ValueError: an input fits no source.
    """
    free = list(range(len(sources)))
    found: dict[int, Place] = {}
    # names first: inputs of the same shape must not be mixed up
    for by_name in (True, False):
        for i, item in enumerate(inputs):
            if i in found:
                continue
            for j in free:
                name, shape = sources[j]
                axes = _axes(shape, item.shape)
                if axes is not None and (not by_name or _stem(item.name) == _stem(name)):
                    found[i] = Place(j, axes)
                    free.remove(j)
                    break
    if len(found) < len(inputs):
        missing = next(item for i, item in enumerate(inputs) if i not in found)
        raise ValueError(f"input {missing.name} {missing.shape} fits no input of the source")
    return tuple(found[i] for i in range(len(inputs)))


def arranged(sample: Sequence[Any], where: Sequence[Place]) -> list[Any]:  # Any: arrays
    """One sample in the artifact's order and layout."""
    return [numpy.ascontiguousarray(sample[p.source].transpose(p.axes)) for p in where]


def _axes(shape: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...] | None:
    """How the axes of ``shape`` are turned to give ``wanted``, where -1 takes anything."""
    if len(shape) != len(wanted):
        return None
    straight = tuple(range(len(shape)))
    usual = [straight, (0, 2, 3, 1), (0, 3, 1, 2)] if len(shape) == 4 else [straight]
    for axes in (*usual, *permutations(straight)):
        if all(want in (-1, shape[axis]) for axis, want in zip(axes, wanted, strict=True)):
            return axes
    return None


def _stem(name: str) -> str:
    """``serving_default_image:0`` and ``image`` are one name."""
    return name.removeprefix("serving_default_").partition(":")[0].lower()
