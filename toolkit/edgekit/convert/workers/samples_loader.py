"""Rows of a Python file whose ``samples()`` yields inputs, or ``(input, label)`` pairs."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy

from edgekit.convert.workers.samples_rows import DataRequest, Row, RowStream
from edgekit.core.errors import ConfigError


def read_loader(request: DataRequest) -> RowStream:
    """The first samples that it yields.

    Raises:
        ConfigError: there is no ``samples()``, or what it yields does not fit.
    """
    path = request.path
    spec = importlib.util.spec_from_file_location("edgekit_user_samples", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "samples"):
        raise ConfigError(f"{path} has no function samples() that yields inputs")

    def rows(limit: int) -> Iterator[Row]:
        for item in islice(module.samples(), limit):
            yield _row(item, request)

    return RowStream(None, rows)


def _row(item: Any, request: DataRequest) -> Row:  # Any: whatever a person's loader yields
    value, label = item, None
    if isinstance(item, tuple) and len(item) == 2 and numpy.ndim(item[1]) == 0:
        value, label = item[0], int(item[1])
    if isinstance(value, dict):
        missing = [s["name"] for s in request.specs if s["name"] not in value]
        if missing:
            raise ConfigError(f"{request.path}: samples() yields no {', '.join(missing)}")
        value = [value[spec["name"]] for spec in request.specs]
    arrays = list(value) if isinstance(value, list | tuple) else [value]
    arrays = [numpy.asarray(array) for array in arrays]
    if len(arrays) != len(request.specs):
        raise ConfigError(
            f"{request.path}: samples() yields {len(arrays)} inputs, expected {len(request.specs)}"
        )
    first = arrays[0]
    if first.dtype == numpy.uint8 and first.ndim == 3 and first.shape[-1] == 3:
        return Row([], label, first)
    return Row(arrays, label)
