"""Does a sample fit the model's input, and do all of them together make sense?"""

from __future__ import annotations

from typing import Any

import numpy

from edgekit.convert.workers.samples_rows import DataRequest
from edgekit.core.errors import ConfigError
from edgekit_runner.engines.contract import Tensor
from edgekit_runner.samples import preprocess

LARGE = 1000.0
"""Inputs beyond this look as if they were never normalised: pixels end at 255."""


def checked(array: Any, spec: dict[str, Any], data: DataRequest) -> Any:  # Any: arrays, JSON
    """One sample in the input's shape and dtype.

    Raises:
        ConfigError: another shape, no numbers, NaN, or values that the dtype cannot hold.
    """
    shape = tuple(spec["shape"])
    what = f"{data.path}: samples for input {spec['name']!r}"
    if array.dtype.kind not in "fiub":
        raise ConfigError(f"{what} are {array.dtype}, numbers are needed")
    if array.shape == shape[1:]:
        array = array[numpy.newaxis]
    if array.shape != shape:
        _refuse_shape(array.shape, shape, what)
    if not numpy.isfinite(array).all():
        raise ConfigError(f"{what} hold NaN or infinity")
    dtype = numpy.dtype(spec["dtype"])
    if dtype.kind in "iu" and array.dtype != dtype:
        limits = numpy.iinfo(dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise ConfigError(
                f"{what} go from {array.min():g} to {array.max():g}, {dtype} cannot hold them"
            )
        if array.dtype.kind == "f" and (array != numpy.rint(array)).any():
            raise ConfigError(f"{what} hold fractions, the input is {dtype}")
    return array.astype(dtype)


def input_of(picture: Any, spec: dict[str, Any], pipeline: dict[str, Any]) -> Any:  # Any: likewise
    """A decoded picture as the model's input."""
    return preprocess(picture, pipeline, Tensor(spec["name"], tuple(spec["shape"]), spec["dtype"]))


def _refuse_shape(got: tuple[int, ...], shape: tuple[int, ...], what: str) -> None:
    hint = "samples come first, then the shape of one input"
    if len(got) == 3 and (got[2], got[0], got[1]) == shape[1:]:
        hint = "turn it: x.transpose(0, 3, 1, 2)"
    elif len(got) == 3 and (got[1], got[2], got[0]) == shape[1:]:
        hint = "turn it: x.transpose(0, 2, 3, 1)"
    wanted = "x".join(map(str, ("n", *shape[1:])))
    raise ConfigError(
        f"{what} have shape {'x'.join(map(str, ('n', *got)))}, expected {wanted}", hint=hint
    )


class Ranges:
    """Lowest and highest value of every input, and whether samples differ at all."""

    def __init__(self, data: DataRequest) -> None:
        self.names = [str(spec["name"]) for spec in data.specs]
        self.ranges: dict[str, tuple[float, float]] = {}
        self.first: list[Any] = []
        self.same = [True] * len(self.names)
        self.count = 0

    def add(self, arrays: list[Any]) -> None:
        """One sample."""
        self.count += 1
        for j, (name, array) in enumerate(zip(self.names, arrays, strict=True)):
            low, high = float(array.min()), float(array.max())
            before = self.ranges.get(name, (low, high))
            self.ranges[name] = (min(low, before[0]), max(high, before[1]))
            if self.count == 1:
                self.first.append(array.copy())
            elif self.same[j] and not numpy.array_equal(self.first[j], array):
                self.same[j] = False

    def plain(self) -> dict[str, list[float]]:
        """As JSON."""
        return {name: list(range_) for name, range_ in self.ranges.items()}

    def notes(self) -> list[str]:
        """What looks wrong, naming the input."""
        notes = []
        for j, (name, (low, high)) in enumerate(self.ranges.items()):
            if low == high:
                notes.append(f"input {name!r} is {low:g} everywhere in all {self.count} samples")
            elif self.same[j] and self.count > 1:
                notes.append(f"input {name!r} is the same in all {self.count} samples")
            if self.first[j].dtype.kind == "f" and max(abs(low), abs(high)) > LARGE:
                notes.append(
                    f"input {name!r} goes from {low:.4g} to {high:.4g}: was it never normalised?"
                )
        return notes
