"""What a transport offers. Only BoardError leaves its methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from edgekit.core.errors import BoardError, ConfigError

OnLine = Callable[[bytes], None]
OnBytes = Callable[[int], None]


class Openable(Protocol):
    """Content that is read from a stream, which may be opened again."""

    @property
    def size_bytes(self) -> int:
        """How much there is."""
        ...

    def open(self) -> BinaryIO:
        """A new stream over it, at its beginning."""
        ...


Source = bytes | Path | Openable
"""What is sent: bytes, or a file or stream of this machine, read block by block."""
MAX_OUTPUT_BYTES = 256_000_000
"""A command that prints more at once is ended; nothing of ours does."""
MAX_FILE_BYTES = 256_000_000
"""Of a file that is read from a board."""


@dataclass(frozen=True)
class Completed:
    """A command that ended."""

    code: int
    stdout: bytes
    stderr: bytes


class Transport(Protocol):
    """A connection to a board. Paths are absolute, or relative to ``home``, where commands begin."""

    @property
    def home(self) -> str:
        """The absolute path of the user's home; the first use may take a round trip."""
        ...

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_s: float = 60,
        on_line: OnLine | None = None,
    ) -> Completed:
        """Runs a program.

        Args:
            argv: program and arguments; they reach it as they are, whatever shell the user has.
            stdin: data that the program reads.
            timeout_s: longest run time in seconds, however much it prints.
            on_line: receives every line of stdout as it arrives; stdout is then not kept.

        Raises:
            BoardError: the connection broke or the time was up.
        """
        ...

    def put(
        self,
        source: Source,
        path: str,
        *,
        offset_bytes: int = 0,
        on_bytes: OnBytes | None = None,
    ) -> None:
        """Writes a file on the board; its folder must exist.

        Args:
            source: what to send.
            path: the file.
            offset_bytes: how much the board's file is known to have; the rest is sent, and what
                the board has beyond it is cut off.
            on_bytes: receives the size of each block that the board confirmed.

        Raises:
            DiskFull: no space left.
            BoardError: the connection broke or stalled; what arrived stays in the file.
        """
        ...

    def get(self, path: str) -> bytes:
        """Reads a file on the board."""
        ...

    def close(self) -> None:
        """Ends the connection; may be called twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *details: object) -> None: ...


class Lines:
    """Keeps a stream of bytes, or hands it to ``on_line`` line by line and keeps nothing.

    A run of half an hour prints hundreds of megabytes of samples.
    """

    def __init__(self, on_line: OnLine | None) -> None:
        self.on_line = on_line
        self.blocks: list[bytes] = []
        self.size_bytes = 0

    def feed(self, block: bytes) -> None:
        """Takes the next bytes.

        Raises:
            BoardError: it is more, or a longer line, than any command of ours says.
        """
        if self.on_line is not None:
            *lines, block = block.split(b"\n")
            if lines:
                lines[0] = b"".join([*self.blocks, lines[0]])
                self.blocks, self.size_bytes = [], 0
            for line in lines:
                self.on_line(line)
        self.blocks.append(block)
        self.size_bytes += len(block)
        if self.size_bytes > MAX_OUTPUT_BYTES:
            raise BoardError(f"a command on the board printed more than {MAX_OUTPUT_BYTES} bytes")

    @property
    def data(self) -> bytes:
        """All bytes that were kept; with ``on_line`` what came after the last line."""
        return b"".join(self.blocks)


def blocks_of(source: Source, offset_bytes: int, block_bytes: int) -> Iterator[bytes]:
    """The source from an offset on, in blocks.

    Raises:
        ConfigError: the file cannot be read.
    """
    if isinstance(source, bytes):
        for begin in range(offset_bytes, len(source), block_bytes):
            yield source[begin : begin + block_bytes]
        return
    try:
        with source.open("rb") if isinstance(source, Path) else source.open() as stream:
            stream.seek(offset_bytes)
            while block := stream.read(block_bytes):
                yield block
    except OSError as err:
        raise ConfigError(f"{source} cannot be read: {err.strerror}") from err
