"""Answers that are kept: least recently used, bounded in bytes and in age."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any


class ResponseCache:
    """Outputs by the hash of the inputs, which are compared in full length by a 256-bit digest."""

    def __init__(
        self, limit_bytes: int, ttl_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit_bytes = limit_bytes
        self.ttl_s = ttl_s
        self.clock = clock
        self.size_bytes = 0
        self.hits = 0
        self.misses = 0
        self._entries: OrderedDict[bytes, tuple[float, list[Any]]] = OrderedDict()

    @staticmethod
    def key(arrays: Sequence[Any]) -> bytes:  # Any: numpy arrays
        """What tells these inputs from all others."""
        digest = hashlib.blake2b(digest_size=32)
        for array in arrays:
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(
                memoryview(array).cast("B") if array.flags.c_contiguous else array.tobytes()
            )
        return digest.digest()

    def get(self, key: bytes) -> list[Any] | None:  # Any: numpy arrays
        """The outputs for these inputs, or None when they are unknown or too old."""
        entry = self._entries.get(key)
        if entry is not None and self.clock() - entry[0] > self.ttl_s:
            self._drop(key)
            entry = None
        if entry is None:
            self.misses += 1
            return None
        self.hits += 1
        self._entries.move_to_end(key)
        return entry[1]

    def put(self, key: bytes, outputs: list[Any]) -> None:  # Any: numpy arrays
        """Keeps outputs; the ones that were not asked for the longest make room."""
        size = _size(outputs)
        if size > self.limit_bytes:
            return
        if key in self._entries:
            self._drop(key)
        self._entries[key] = (self.clock(), outputs)
        self.size_bytes += size
        while self.size_bytes > self.limit_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: bytes) -> None:
        self.size_bytes -= _size(self._entries.pop(key)[1])


def _size(outputs: Sequence[Any]) -> int:  # Any: numpy arrays
    return sum(array.nbytes for array in outputs)
