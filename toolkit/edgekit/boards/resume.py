"""Sends a file from where an earlier attempt was cut, after the board proved what it has.

The proof is the hash of the board's own bytes, so a damaged or foreign beginning is never built
upon: one round trip tells the size and hash of every part that is there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgekit.boards.transports.contract import OnBytes, Source, Transport, blocks_of, size_of
from edgekit.core.errors import CommandFailed

PARTS = """\
import hashlib, json, os, sys
found = {}
for path in json.load(sys.stdin):
    try:
        with open(path, "rb") as stream:
            digest, size = hashlib.sha256(), 0
            while True:
                block = stream.read(1 << 20)
                if not block:
                    break
                digest.update(block)
                size += len(block)
            found[path] = [size, digest.hexdigest()]
    except OSError:
        pass
json.dump(found, sys.stdout)
"""
"""Runs on the board: size and hash of each file that is there."""
HASH_TIMEOUT_S = 600
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Part:
    """What a board has of a file."""

    size_bytes: int
    sha256: str


def read_parts(transport: Transport, paths: Sequence[str]) -> Mapping[str, Part]:
    """What the board has of some files, in one round trip; absent ones are left out.

    Raises:
        BoardError: the connection broke, or the board's Python failed.
    """
    request = json.dumps(list(paths)).encode()
    done = transport.run(["python3", "-I", "-c", PARTS], stdin=request, timeout_s=HASH_TIMEOUT_S)
    try:
        found = json.loads(done.stdout)
        return {
            path: Part(int(size), str(sha256))
            for path, (size, sha256) in found.items()
            if path in paths
        }
    except (ValueError, TypeError, AttributeError) as err:
        raise CommandFailed("the board could not examine what was sent before") from err


def verified_bytes(source: Source, part: Part | None) -> int:
    """How much of a source the board has intact: the whole part or nothing."""
    if part is None or not 0 < part.size_bytes <= size_of(source):
        return 0
    digest, left = hashlib.sha256(), part.size_bytes
    for block in blocks_of(source, 0, BLOCK_BYTES):
        digest.update(block[:left])
        left -= len(block[:left])
        if left == 0:
            break
    return part.size_bytes if digest.hexdigest() == part.sha256 else 0


def put_resuming(
    transport: Transport, source: Source, path: str, *, on_bytes: OnBytes | None = None
) -> int:
    """Writes a file on the board, continuing what is there; gives the bytes that were spared.

    Raises:
        DiskFull: no space left.
        BoardError: the connection broke; what arrived is taken up next time.
    """
    spared = verified_bytes(source, read_parts(transport, [path]).get(path))
    if spared and spared == size_of(source):
        return spared
    transport.put(source, path, offset_bytes=spared, on_bytes=on_bytes)
    return spared
