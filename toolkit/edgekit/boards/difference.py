"""What is new in a model since an older version: tensor by tensor, subtracted and packed.

Fine-tuning and quantizing anew moves nearly every weight by a little, so tools that look for equal
runs of bytes find none. Subtracted from its older self, a weight is a small number, and small
numbers pack well. The board adds again (edgekit_runner.delta) and checks the hash of the whole file.
"""

from __future__ import annotations

import gzip
import json
import lzma
import random
from collections.abc import Iterator
from dataclasses import dataclass

from edgekit.boards.tensor_map import Region, find_tensors
from edgekit_runner import delta

WORTH_SHARE = 0.9
"""A difference that is not smaller than this share of the file is not worth its time."""
XZ_MAX_BYTES = 24_000_000
"""xz packs a few per cent better than gzip, at about 2 MB/s: tried on no more than this."""
GZIP_LEVEL = 6
SAMPLES, SAMPLE_BYTES = 64, 8000
"""Looked at before all of it is packed; gzip's fastest level packs some 80 MB/s."""
NEIGHBOUR_BYTES = 4096
"""Up to here the bytes in front of a tensor are taken for its header, also when it moved."""

Operation = list[object]


@dataclass(frozen=True)
class Difference:
    """A difference, ready to be sent."""

    data: bytes
    base: str
    """Hash of the older version; empty when the file is only packed."""
    target: str
    size_bytes: int
    """Of the target."""


def make_difference(old: bytes, new: bytes) -> bytes:
    """The difference that makes ``new`` from ``old``; see edgekit_runner.delta for its form.

    Example:
        >>> old, new = bytes(1000), bytes(999) + b"x"
        >>> len(make_difference(old, new)) < 200
        True
    """
    operations, residual = _parts(old, new)
    return _written(operations, *pack(residual))


def try_difference(old: bytes, new: bytes, *, is_slow: bool) -> bytes | None:
    """As :func:`make_difference`, when that is worth its time; None when it is not.

    Samples are packed first, so that what does not pack costs no more than a look at it.

    Args:
        old: the older file; empty to pack the new one as it is.
        new: the file that is wanted.
        is_slow: the link is slow, so that a few per cent are worth the time of xz.
    """
    operations, residual = _parts(old, new)
    if _packed_share(residual) * len(residual) >= WORTH_SHARE * len(new):
        return None
    found = _written(operations, *pack(residual, is_thorough=is_slow))
    return found if is_worth_it(found, len(new)) else None


def _parts(old: bytes, new: bytes) -> tuple[list[Operation], bytes]:
    operations: list[Operation] = []
    residuals: list[bytes] = []
    for operation, residual in _operations(old, new):
        operations.append(operation)
        residuals.append(residual)
    return operations, b"".join(residuals)


def _written(operations: list[Operation], packed: bytes, codec: str) -> bytes:
    head = json.dumps({"codec": codec, "operations": operations}, separators=(",", ":"))
    return delta.MAGIC + head.encode() + b"\n" + packed


def pack(data: bytes, *, is_thorough: bool = True) -> tuple[bytes, str]:
    """Packed by what the board's Python can unpack, and the name of that."""
    packed = gzip.compress(data, GZIP_LEVEL, mtime=0)
    if is_thorough and len(data) <= XZ_MAX_BYTES:
        other = lzma.compress(data, preset=2)
        if len(other) < len(packed):
            return other, "xz"
    return packed, "gzip"


def _packed_share(data: bytes) -> float:
    """To what share of its size the data packs, by samples of it, quickly and a little too high."""
    if len(data) <= SAMPLES * SAMPLE_BYTES:
        sample = data
    else:
        # at random: the bytes of numbers lie in planes, which even steps may always hit alike
        chance = random.Random(len(data))  # noqa: S311  no secret
        step = len(data) // SAMPLES
        starts = [i * step + chance.randrange(step - SAMPLE_BYTES + 1) for i in range(SAMPLES)]
        sample = b"".join(data[at : at + SAMPLE_BYTES] for at in starts)
    return len(gzip.compress(sample, 1)) / len(sample) if sample else 0.0


def is_worth_it(difference: bytes, whole_bytes: int) -> bool:
    """True when sending the difference spares enough."""
    return len(difference) < WORTH_SHARE * whole_bytes


def _operations(old: bytes, new: bytes) -> Iterator[tuple[Operation, bytes]]:
    at_old = at_new = 0
    for before, after in _aligned(old, new):
        yield from _between(old, new[at_new : after.offset], (at_old, before.offset))
        yield from _tensor(old, new, before, after)
        at_old, at_new = before.offset + before.length, after.offset + after.length
    yield from _between(old, new[at_new:], (at_old, len(old)))


def _aligned(old: bytes, new: bytes) -> list[tuple[Region, Region]]:
    """Pairs of tensors of one name and length, in the order of the new file."""
    before = {region.name: region for region in find_tensors(old)}
    pairs = []
    for after in find_tensors(new):
        match = before.get(after.name)
        if match is not None and match.length == after.length:
            pairs.append((match, after))
    return pairs


def _between(
    old: bytes, content: bytes, gap: tuple[int, int]
) -> Iterator[tuple[Operation, bytes]]:
    """What lies between tensors: subtracted from what lay before the next one, or new.

    Args:
        old: the older file.
        content: what lies there in the new one.
        gap: begin and end of what lay between the same tensors, as far as they were neighbours.
    """
    begin = gap[1] - len(content)
    if begin >= 0 and (begin == gap[0] or len(content) <= NEIGHBOUR_BYTES):
        before = Region("", begin, len(content), 1)
        yield from _tensor(old, content, before, Region("", 0, len(content), 1))
        return
    for offset in range(0, len(content), delta.PIECE_BYTES):
        piece = content[offset : offset + delta.PIECE_BYTES]
        yield ["new", len(piece)], piece


def _tensor(
    old: bytes, new: bytes, before: Region, after: Region
) -> Iterator[tuple[Operation, bytes]]:
    width = after.element_bytes if after.length % after.element_bytes == 0 else 1
    for offset in range(0, after.length, delta.PIECE_BYTES):
        length = min(delta.PIECE_BYTES, after.length - offset)
        left = old[before.offset + offset : before.offset + offset + length]
        right = new[after.offset + offset : after.offset + offset + length]
        if left == right:
            yield ["copy", before.offset + offset, length], b""
        else:
            residual = delta.subtract(right, left, width)
            yield ["add", before.offset + offset, length, width], residual
