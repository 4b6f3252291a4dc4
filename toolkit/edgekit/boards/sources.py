"""Content of a release, read in blocks: a model of a gigabyte never lies in memory."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

BLOCK_BYTES = 1 << 20


class Source(Protocol):
    """Bytes of a known hash."""

    @property
    def sha256(self) -> str:
        """Their hash as hexadecimal."""
        ...

    @property
    def size_bytes(self) -> int:
        """How many there are."""
        ...

    def open(self) -> BinaryIO:
        """A new stream over them."""
        ...


@dataclass(frozen=True)
class BytesSource:
    """Bytes in memory."""

    data: bytes

    @property
    def sha256(self) -> str:
        """See Source."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def size_bytes(self) -> int:
        """See Source."""
        return len(self.data)

    def open(self) -> BinaryIO:
        """See Source."""
        return io.BytesIO(self.data)


@dataclass(frozen=True)
class FileSource:
    """A file whose hash was computed when it was added."""

    path: Path
    sha256: str
    size_bytes: int

    def open(self) -> BinaryIO:
        """See Source."""
        return self.path.open("rb")


@dataclass(frozen=True)
class MemberSource:
    """A member of a bundle file."""

    archive: Path
    name: str
    sha256: str
    size_bytes: int

    def open(self) -> BinaryIO:
        """See Source."""
        with zipfile.ZipFile(self.archive) as opened:
            return cast(BinaryIO, opened.open(self.name))


def file_source(path: Path) -> FileSource:
    """A file as a source; reads it once for its hash."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return FileSource(path, digest, path.stat().st_size)


def blocks(source: Source, *, offset: int = 0, size_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The content from an offset on, in blocks."""
    with source.open() as stream:
        if offset:
            stream.seek(offset)
        yield from iter(lambda: stream.read(size_bytes), b"")


def verified_prefix(source: Source, hashes: list[str], size_bytes: int, block_bytes: int) -> int:
    """How many leading bytes of a partial copy are right.

    Args:
        source: the whole content.
        hashes: hash of every block of the copy; the last block may be short.
        size_bytes: size of the copy.
        block_bytes: size of a whole block.

    Example:
        >>> whole = BytesSource(b"abcd")
        >>> verified_prefix(whole, [hashlib.sha256(b"ab").hexdigest(), "damaged"], 3, 2)
        2
    """
    good = 0
    with source.open() as stream:
        for digest in hashes:
            length = min(block_bytes, size_bytes - good)
            block = stream.read(length)
            if len(block) != length or hashlib.sha256(block).hexdigest() != digest:
                break
            good += length
    return good
