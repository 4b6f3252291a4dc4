"""Makes a new version of a model from the old one and a difference; the host made it, see
edgekit.boards.difference.

A difference is one JSON line, then packed bytes. The line says how the target is put together:
``["copy", OFFSET, LENGTH]`` takes the base's bytes, ``["add", OFFSET, LENGTH, PLANES]`` adds packed
bytes to them, each modulo 256, ``["new", LENGTH]`` takes packed bytes. The bytes of an addition
are sorted into planes (first bytes of every number, then second ones), which pack better.
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
import zlib
from functools import lru_cache
from typing import Any, BinaryIO, List, Tuple, cast

from . import wire
from .failure import Failure

MAGIC = b"edgekit-difference-1\n"
MAX_HEAD_BYTES = 8000000
DAMAGE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
    EOFError,
    OverflowError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
)
"""Whatever json, gzip and lzma raise on bytes that are not what they should be."""
PIECE_BYTES = 1 << 20
"""No operation is longer, so that a small board needs little memory."""


def apply(base: str, difference: str, target: str, size_bytes: int) -> None:
    """Writes the target.

    Raises:
        Failure: the difference is damaged, or does not give a file of that size.
    """
    try:
        with open(base, "rb") as old, open(difference, "rb") as packed, open(target, "wb") as new:
            _apply(old, packed, new, size_bytes)
            new.flush()
            os.fsync(new.fileno())
    except DAMAGE as error:
        raise Failure(wire.ERROR_HASH_MISMATCH, "a difference is damaged: %s" % error) from error


def _apply(old: BinaryIO, packed: BinaryIO, new: BinaryIO, size_bytes: int) -> None:
    if packed.read(len(MAGIC)) != MAGIC:
        raise ValueError("it does not begin as one")
    head = json.loads(packed.readline(MAX_HEAD_BYTES))
    operations: List[List[Any]] = head["operations"]  # Any: JSON
    if sum(_length(operation) for operation in operations) != size_bytes:
        raise ValueError("it gives a file of another size")
    open_packed: Any = lzma.open if head["codec"] == "xz" else gzip.open  # Any: two signatures
    with open_packed(packed) as stream:
        residual = cast(BinaryIO, stream)
        for operation in operations:
            length = _length(operation)
            if operation[0] == "new":
                new.write(_read(residual, length))
                continue
            old.seek(int(operation[1]))
            content = _read(old, length)
            if operation[0] == "add":
                planes = int(operation[3])
                content = add(content, from_planes(_read(residual, length), planes))
            new.write(content)


def _length(operation: List[Any]) -> int:  # Any: JSON
    length = int(operation[{"copy": 2, "add": 2, "new": 1}[operation[0]]])
    if not 0 <= length <= PIECE_BYTES:
        raise ValueError("an operation is %d bytes long" % length)
    return length


def _read(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) != length:
        raise ValueError("it ends too early")
    return data


def add(left: bytes, right: bytes) -> bytes:
    r"""Sums of bytes modulo 256, all at once in one large integer.

    Example:
        >>> add(bytes([1, 255]), bytes([2, 2]))
        b'\x03\x01'
    """
    high, low = _masks(len(left))
    x, y = int.from_bytes(left, "little"), int.from_bytes(right, "little")
    return (((x & low) + (y & low)) ^ ((x ^ y) & high)).to_bytes(len(left), "little")


def subtract(left: bytes, right: bytes) -> bytes:
    r"""Differences of bytes modulo 256.

    Example:
        >>> subtract(bytes([3, 1]), bytes([2, 2]))
        b'\x01\xff'
    """
    high, low = _masks(len(left))
    x, y = int.from_bytes(left, "little"), int.from_bytes(right, "little")
    return (((x | high) - (y & low)) ^ ((x ^ y ^ high) & high)).to_bytes(len(left), "little")


def to_planes(data: bytes, planes: int) -> bytes:
    """First bytes of every number, then second ones; ``planes`` is the size of a number."""
    return b"".join(data[i::planes] for i in range(planes))


def from_planes(data: bytes, planes: int) -> bytes:
    """The inverse of :func:`to_planes`."""
    if planes == 1:
        return data
    result = bytearray(len(data))
    begin = 0
    for i in range(planes):
        count = len(range(i, len(data), planes))
        result[i::planes] = data[begin : begin + count]
        begin += count
    return bytes(result)


@lru_cache(maxsize=8)
def _masks(length: int) -> Tuple[int, int]:
    high = int.from_bytes(b"\x80" * length, "little")
    return high, int.from_bytes(b"\x7f" * length, "little")
