"""Makes a new version of a model from the old one and a difference; the host made it, see
edgekit.boards.difference.

A difference is one JSON line, then packed bytes. The line says how the target is put together:
``["copy", OFFSET, LENGTH]`` takes the base's bytes, ``["add", OFFSET, LENGTH, WIDTH]`` adds packed
numbers of that many bytes to them, ``["new", LENGTH]`` takes packed bytes.
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
                content = add(content, _read(residual, length), int(operation[3]))
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


def add(base: bytes, residual: bytes, width: int) -> bytes:
    r"""Undoes :func:`subtract`.

    Example:
        >>> add(bytes([1, 255]), subtract(bytes([3, 1]), bytes([1, 255]), 1), 1)
        b'\x03\x01'
    """
    high, low, ones = _masks(len(base), width)
    x = int.from_bytes(base, "little")
    z = int.from_bytes(from_planes(residual, width), "little")
    # the lowest bit of a lane is the sign: spread it, and shift the rest back
    difference = ((z ^ (z & ones)) >> 1) ^ ((z & ones) * ((1 << 8 * width) - 1))
    return (((x & low) + (difference & low)) ^ ((x ^ difference) & high)).to_bytes(
        len(base), "little"
    )


def subtract(new: bytes, base: bytes, width: int) -> bytes:
    r"""What has to be added to the base, number by number (of ``width`` bytes, modulo 256^width).

    All numbers at once, as lanes of one large integer. Signs are folded into the lowest bit, so that
    small differences of either sign have zeros in front; then bytes of one weight lie together.

    Example:
        >>> subtract(bytes([3, 1]), bytes([2, 2]), 1)
        b'\x02\x01'
    """
    high, low, ones = _masks(len(new), width)
    x, y = int.from_bytes(new, "little"), int.from_bytes(base, "little")
    difference = ((x | high) - (y & low)) ^ ((x ^ y ^ high) & high)
    signs = ((difference & high) >> (8 * width - 1)) & ones
    folded = ((difference & low) << 1) ^ (signs * ((1 << 8 * width) - 1))
    return to_planes(folded.to_bytes(len(new), "little"), width)


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
def _masks(length: int, width: int) -> Tuple[int, int, int]:
    """The highest bit of every number, all others, and the lowest ones."""
    if width < 1 or length % width:
        raise ValueError("%d bytes are no numbers of %d" % (length, width))
    high = int.from_bytes((b"\0" * (width - 1) + b"\x80") * (length // width), "little")
    ones = int.from_bytes((b"\x01" + b"\0" * (width - 1)) * (length // width), "little")
    return high, ((1 << 8 * length) - 1) ^ high, ones
