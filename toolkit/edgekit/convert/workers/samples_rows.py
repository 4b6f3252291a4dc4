"""What every kind of data is turned into: a stream of rows, one sample each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One sample: an array per input, or a picture that becomes the first input."""

    inputs: list[Any]  # Any: arrays
    label: int | None = None
    picture: Any = None  # Any: uint8 [height, width, 3] or None


@dataclass(frozen=True)
class RowStream:
    """Rows in the order of the data."""

    count: int | None
    """How many there are; None when only reading tells."""
    rows: Callable[[int], Iterator[Row]]
    """Gives an even choice of up to that many rows."""
    notes: tuple[str, ...] = ()
    """What a person should know about how the data was read."""


class DataRequest(NamedTuple):
    """What decides how data is read."""

    path: Path
    specs: list[dict[str, Any]]  # Any: JSON
    pipeline: Mapping[str, Any] | None
    limit: int
    label: str
    """Name of the label's column or array; empty takes the usual names."""


def spread(count: int, limit: int) -> list[int]:
    """An even choice of positions: data that is sorted by class must not give one class alone."""
    if count <= limit:
        return list(range(count))
    return [i * count // limit for i in range(limit)]


def class_labels(files: list[Path], root: Path) -> tuple[list[int] | None, tuple[str, ...]]:
    """Labels from folder names: numbers are the labels, else the names' order is.

    ``None`` when the files lie in the folder itself.
    """
    names = [path.parent.name if path.parent != root else "" for path in files]
    classes = sorted(set(names) - {""})
    if not classes:
        return None, ()
    if all(name.isdigit() for name in classes):
        return [int(name) for name in names], ()
    order = ", ".join(f"{i} {name}" for i, name in enumerate(classes[:20]))
    return [classes.index(name) for name in names], (f"classes by folder name: {order}",)
