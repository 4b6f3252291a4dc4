"""What a transport offers. Only BoardError leaves its methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

OnLine = Callable[[bytes], None]
OnBytes = Callable[[int], None]


@dataclass(frozen=True)
class Completed:
    """A command that ended."""

    code: int
    stdout: bytes
    stderr: bytes


class Transport(Protocol):
    """A connection to a board. Paths are absolute; the board's home is ``home``."""

    home: str

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
            argv: program and arguments; fixed words and hash-named paths only, never user data.
            stdin: data that the program reads.
            timeout_s: longest silence-independent run time in seconds.
            on_line: receives every line of stdout as it arrives.

        Raises:
            BoardError: the connection broke or the time was up.
        """
        ...

    def put(self, data: bytes, path: str, *, on_bytes: OnBytes | None = None) -> None:
        """Writes a file on the board; its folder must exist.

        Raises:
            DiskFull: no space left.
            BoardError: the connection broke.
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
    """Cuts a stream of bytes into lines for ``on_line`` while keeping all of it."""

    def __init__(self, on_line: OnLine | None) -> None:
        self.on_line = on_line
        self.blocks: list[bytes] = []
        self.rest = b""

    def feed(self, block: bytes) -> None:
        """Takes the next bytes."""
        self.blocks.append(block)
        if self.on_line is None:
            return
        *lines, self.rest = (self.rest + block).split(b"\n")
        for line in lines:
            self.on_line(line)

    @property
    def data(self) -> bytes:
        """All bytes so far."""
        return b"".join(self.blocks)
