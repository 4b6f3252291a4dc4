"""The samples of a conversion: a folder of arrays on disk, samples first, read without loading them.

``input_<j>.npy``   [n, *shape of input j], the first dimension of the model being 1
``output_<j>.npy``  [n, *shape of output j], what the original computes
``labels.npy``      [n] integers, when the data had labels
``pictures.npy``    uint8 [n, height, width, 3], when the data were pictures
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy

HEADER_BYTES = 128
"""Room for an .npy header whose length is not known before the last row."""


class RowFile:
    """An .npy file that grows row by row, so that many samples never lie in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._shape: tuple[int, ...] | None = None
        self._dtype: Any = None
        self._stream: BinaryIO = open(path, "wb")  # noqa: SIM115  closed by close()
        self._stream.write(bytes(HEADER_BYTES))

    def append(self, row: Any) -> None:  # Any: an array
        """Adds a row of the same shape and dtype as the first one.

        Raises:
            ValueError: it has another shape.
        """
        array = numpy.ascontiguousarray(row) if numpy.ndim(row) else numpy.asarray(row)
        if self._shape is None:
            self._shape, self._dtype = array.shape, array.dtype
        if array.shape != self._shape:
            raise ValueError(f"a row has shape {array.shape}, the first one had {self._shape}")
        self._stream.write(array.astype(self._dtype, copy=False).tobytes())
        self.count += 1

    def close(self) -> None:
        """Writes the header; a file without rows is removed."""
        if self._stream.closed:
            return
        if self._shape is None:
            self._stream.close()
            self.path.unlink()
            return
        descr = numpy.lib.format.dtype_to_descr(self._dtype)
        shape = (self.count, *self._shape)
        text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
        padded = text.ljust(HEADER_BYTES - 11) + "\n"
        length = (HEADER_BYTES - 10).to_bytes(2, "little")
        self._stream.seek(0)
        self._stream.write(b"\x93NUMPY\x01\x00" + length + padded.encode("latin1"))
        self._stream.close()


class RowFolder:
    """Row files of a folder by name, closed together."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._files: dict[str, RowFile] = {}

    def append(self, name: str, row: Any) -> None:  # Any: an array
        """Adds a row to ``<name>.npy``."""
        if name not in self._files:
            self._files[name] = RowFile(self.folder / f"{name}.npy")
        self._files[name].append(row)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.close()


def read_inputs(path: str) -> list[Any]:  # Any: arrays
    """The inputs by position, mapped from disk."""
    return _columns(path, "input")


def read_outputs(path: str) -> list[Any]:  # Any: arrays
    """The original's outputs by position, mapped from disk."""
    return _columns(path, "output")


def read_optional(path: str, name: str) -> Any:  # Any: an array or None
    """``labels`` or ``pictures``, or None."""
    file = Path(path) / f"{name}.npy"
    return _mapped(file) if file.exists() else None


def write_columns(path: str, side: str, columns: Sequence[Any]) -> None:  # Any: arrays
    """Whole arrays as ``<side>_<j>.npy``."""
    Path(path).mkdir(parents=True, exist_ok=True)
    for j, column in enumerate(columns):
        numpy.save(Path(path) / f"{side}_{j}.npy", column, allow_pickle=False)


def to_channel_last(array: Any) -> Any:  # Any: arrays
    """[1, C, H, W] to [1, H, W, C]."""
    return numpy.ascontiguousarray(array.transpose(0, 2, 3, 1))


def _columns(path: str, side: str) -> list[Any]:
    count = len(list(Path(path).glob(f"{side}_*.npy")))
    return [_mapped(Path(path) / f"{side}_{j}.npy") for j in range(count)]


def _mapped(file: Path) -> Any:
    return numpy.load(file, mmap_mode="r", allow_pickle=False)
