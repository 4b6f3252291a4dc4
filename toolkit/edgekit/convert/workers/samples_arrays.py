"""Rows of .npz and .npy files, read one after the other: the arrays are never loaded whole."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy

from edgekit.convert.workers.samples_rows import DataRequest, Row, RowStream, spread
from edgekit.core.errors import ConfigError

LABELS = ("y", "labels", "label", "targets")
SINGLE = ("x", "images", "inputs", "data")
DAMAGED = (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)


class Header(NamedTuple):
    """Of an .npy stream."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: Any  # Any: numpy's dtype


def read_arrays(request: DataRequest) -> RowStream:
    """An .npz by array names, or an .npy as the single input.

    Raises:
        ConfigError: it is damaged, lacks an input, or its arrays do not fit one another.
    """
    path = request.path
    try:
        with _opened(path) as archive:
            headers = {name: _header(archive, name) for name in archive.names()}
            label = _label_name(request, headers)
            names = _input_names(request, [name for name in headers if name != label])
            labels = archive.whole(label) if label else None
    except DAMAGED as err:
        raise ConfigError(
            f"{path} cannot be read as {path.suffix}: {err}",
            hint="write it with numpy.savez('samples.npz', x=inputs, y=labels); no object arrays",
        ) from err
    count = _count(path, [headers[name] for name in names], labels)

    def rows(limit: int) -> Iterator[Row]:
        chosen = spread(count, limit)
        with _opened(path) as archive:
            streams = [archive.rows(name, headers[name], chosen) for name in names]
            for i in chosen:
                try:
                    arrays = [next(stream) for stream in streams]
                except DAMAGED as err:
                    raise ConfigError(f"{path} is damaged: {err}") from err
                value = None if labels is None else int(numpy.ravel(labels[i])[0])
                yield _row(arrays, value, request)

    return RowStream(count, rows)


def _row(arrays: list[Any], label: int | None, request: DataRequest) -> Row:
    first = arrays[0]
    if first.dtype == numpy.uint8 and first.ndim == 3 and first.shape[-1] == 3:
        return Row([], label, first)
    return Row(arrays, label)


def _label_name(request: DataRequest, headers: dict[str, Header]) -> str:
    if request.label:
        if request.label not in headers:
            raise ConfigError(
                f"{request.path} has no array {request.label!r}; it has {', '.join(headers)}"
            )
        return request.label
    return next((name for name in LABELS if name in headers), "")


def _input_names(request: DataRequest, names: list[str]) -> list[str]:
    path, specs = request.path, request.specs
    if not names:
        raise ConfigError(f"{path} holds no inputs")
    if len(specs) == 1 and specs[0]["name"] not in names:
        named = [name for name in SINGLE if name in names] or names
        if len(named) > 1 and named[0] not in SINGLE:
            raise ConfigError(
                f"{path} has the arrays {', '.join(named)}; expected x, or one array"
            )
        return named[:1]
    missing = [spec["name"] for spec in specs if spec["name"] not in names]
    if missing:
        raise ConfigError(
            f"{path} lacks the inputs {', '.join(missing)}; it has {', '.join(names)}"
        )
    return [spec["name"] for spec in specs]


def _count(path: Path, headers: list[Header], labels: Any) -> int:
    """Numbers, samples first, as many for every input and for the labels."""
    for header in headers:
        if not header.shape or header.dtype.kind not in "fiub":
            raise ConfigError(
                f"{path} holds an array of {header.dtype} with {len(header.shape)} dimensions",
                hint="numbers are needed, samples first: numpy.savez('samples.npz', x=inputs)",
            )
    counts = {header.shape[0] for header in headers}
    if labels is not None:
        if labels.ndim == 0 or labels.dtype.kind not in "iub":
            raise ConfigError(f"{path}: labels must be whole numbers, one per sample")
        counts.add(len(labels))
    if len(counts) > 1:
        shown = ", ".join(map(str, sorted(counts)))
        raise ConfigError(f"{path}: inputs and labels differ in count: {shown}")
    return counts.pop()


class _Archive:
    """An .npz; an .npy looks like one with the single array ``x``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.archive = zipfile.ZipFile(path) if path.suffix.lower() == ".npz" else None

    def names(self) -> list[str]:
        """Of the arrays."""
        if self.archive is None:
            return ["x"]
        return [n.removesuffix(".npy") for n in self.archive.namelist() if n.endswith(".npy")]

    def open(self, name: str) -> IO[bytes]:
        """One array's .npy stream."""
        return self.archive.open(f"{name}.npy") if self.archive else open(self.path, "rb")

    def whole(self, name: str) -> Any:  # Any: an array
        """A small array, labels for instance."""
        with self.open(name) as stream:
            return numpy.lib.format.read_array(stream, allow_pickle=False)

    def rows(self, name: str, header: Header, chosen: list[int]) -> Iterator[Any]:
        """The chosen rows, in ascending order."""
        if header.fortran_order:  # columns lie together: rows cannot be read one by one
            whole = self.whole(name)
            yield from (whole[i] for i in chosen)
            return
        single = header.shape[1:]
        size_bytes = int(numpy.prod(single, dtype=numpy.int64)) * header.dtype.itemsize
        with self.open(name) as stream:
            _read_header(stream)
            here = 0
            for i in chosen:
                _skip(stream, (i - here) * size_bytes)
                data = stream.read(size_bytes)
                if len(data) != size_bytes:
                    raise EOFError(f"{name} ends before sample {i}")
                yield numpy.frombuffer(data, header.dtype).reshape(single)
                here = i + 1


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[_Archive]:
    archive = _Archive(path)
    try:
        yield archive
    finally:
        if archive.archive is not None:
            archive.archive.close()


def _header(archive: _Archive, name: str) -> Header:
    with archive.open(name) as stream:
        return _read_header(stream)


def _read_header(stream: IO[bytes]) -> Header:
    version = numpy.lib.format.read_magic(stream)
    read = numpy.lib.format.read_array_header_2_0
    if version == (1, 0):
        read = numpy.lib.format.read_array_header_1_0
    return Header(*read(stream))


def _skip(stream: IO[bytes], size_bytes: int) -> None:
    """Forward by reading in pieces: a compressed stream cannot jump."""
    while size_bytes > 0:
        piece = stream.read(min(size_bytes, 1 << 20))
        if not piece:
            return
        size_bytes -= len(piece)
