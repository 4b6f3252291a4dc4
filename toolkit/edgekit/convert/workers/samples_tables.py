"""Rows of a CSV with a header line: one column per feature, one for the label."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy

from edgekit.convert.workers.samples_rows import DataRequest, Row, RowStream, spread
from edgekit.core.errors import ConfigError
from edgekit.core.suggest import did_you_mean

LABEL_COLUMNS = ("label", "labels", "y", "target", "class")
MAX_CLASSES = 10_000


def read_table(request: DataRequest) -> RowStream:
    """Features in the order of the columns, or by name where every input names a column.

    Raises:
        ConfigError: the columns do not fit the model's inputs, or a cell is no number.
    """
    path = request.path
    header = _header(path)
    label = _label_column(request, header)
    places = _places(request, header, label)
    classes, count = _classes(path, label, len(header))
    notes: tuple[str, ...] = ()
    if classes is not None:
        order = ", ".join(f"{i} {name}" for i, name in enumerate(classes[:20]))
        notes = (f"classes by name in column {header[label]!r}: {order}",)

    def rows(limit: int) -> Iterator[Row]:
        chosen = set(spread(count, limit))
        for i, cells in enumerate(_lines(path, len(header))):
            if i not in chosen:
                continue
            arrays = [_input(request, j, columns, cells, i) for j, columns in enumerate(places)]
            value: int | None = None
            if label >= 0:
                text = cells[label].strip()
                value = classes.index(text) if classes is not None else int(float(text))
            yield Row(arrays, value)

    return RowStream(count, rows, notes)


def _header(path: Path) -> list[str]:
    for cells in _raw(path):
        names = [cell.strip() for cell in cells]
        if all(_number(name) is not None for name in names):
            raise ConfigError(
                f"{path} has no header line: its first line is {','.join(names[:4])}...",
                hint="put a line of column names on top",
            )
        return names
    raise ConfigError(f"{path} is empty")


def _label_column(request: DataRequest, header: list[str]) -> int:
    if request.label:
        if request.label not in header:
            raise ConfigError(
                f"{request.path} has no column {request.label!r}",
                hint=did_you_mean(request.label, header),
            )
        return header.index(request.label)
    lowered = [name.lower() for name in header]
    return next((lowered.index(name) for name in LABEL_COLUMNS if name in lowered), -1)


def _places(request: DataRequest, header: list[str], label: int) -> list[list[int]]:
    """For every input, the columns that it takes."""
    features = [i for i in range(len(header)) if i != label]
    specs = request.specs
    names = [str(spec["name"]) for spec in specs]
    if len(specs) > 1 and all(name in header for name in names):
        return [[header.index(name)] for name in names]
    wanted = prod(specs[0]["shape"])
    if len(specs) != 1 or len(features) != wanted:
        shown = ", ".join(f"{s['name']} {'x'.join(map(str, s['shape']))}" for s in specs)
        raise ConfigError(
            f"{request.path} has {len(features)} feature columns, the model takes {shown}",
            hint="name the label's column: --label COLUMN"
            if label < 0
            else "leave out the columns that are no features",
        )
    return [features]


def _classes(path: Path, label: int, width: int) -> tuple[list[str] | None, int]:
    """Class names where the labels are words, and the number of rows; one pass over the file."""
    count, numeric = 0, True
    words: set[str] = set()
    for cells in _lines(path, width):
        count += 1
        if label >= 0 and len(words) <= MAX_CLASSES:
            text = cells[label].strip()
            words.add(text)
            value = _number(text)
            numeric = numeric and value is not None and value == int(value)
    if label < 0 or numeric:
        return None, count
    if len(words) > MAX_CLASSES or "" in words:
        raise ConfigError(
            f"{path}: the label column must hold a class for every row, whole numbers or words"
        )
    return sorted(words), count


def _input(
    request: DataRequest, j: int, columns: list[int], cells: list[str], line: int
) -> Any:  # Any: an array
    spec = request.specs[j]
    values = []
    for column in columns:
        value = _number(cells[column])
        if value is None:
            raise ConfigError(
                f"{request.path}: row {line + 2}, column {column + 1}: {cells[column]!r} is no "
                "number",
                hint="fill or leave out rows with missing values, and encode words as numbers",
            )
        values.append(value)
    return numpy.asarray(values, numpy.float64).reshape(spec["shape"])


def _lines(path: Path, width: int) -> Iterator[list[str]]:
    for i, cells in enumerate(_raw(path)):
        if i == 0 or not cells:
            continue
        if len(cells) != width:
            raise ConfigError(
                f"{path}: row {i + 1} has {len(cells)} cells, the header has {width}"
            )
        yield cells


def _raw(path: Path) -> Iterator[list[str]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            yield from csv.reader(stream)
    except (UnicodeDecodeError, csv.Error) as err:
        raise ConfigError(f"{path} cannot be read as CSV: {err}", hint="save it as UTF-8") from err


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
