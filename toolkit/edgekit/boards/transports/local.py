"""This machine as a board: the same contract without a network."""

from __future__ import annotations

import errno
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from edgekit.boards.transports.contract import (
    MAX_FILE_BYTES,
    Completed,
    Lines,
    OnBytes,
    OnLine,
    Source,
    blocks_of,
)
from edgekit.core.board import BoardEntry
from edgekit.core.errors import BoardError, BoardTimeout, CommandFailed, DiskFull

BLOCK = 1 << 18


class LocalTransport:
    """Runs commands here, in the user's home or in another folder given as home."""

    def __init__(self, home: Path | None = None) -> None:
        self._home = str((home or Path.home()).absolute())

    @property
    def home(self) -> str:
        """See Transport.home."""
        return self._home

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_s: float = 60,
        on_line: OnLine | None = None,
    ) -> Completed:
        """See Transport.run."""
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self.home,
                env={"HOME": self.home, "PATH": os.environ.get("PATH", os.defpath)},
                start_new_session=True,
            )
        except OSError as err:
            raise CommandFailed(f"{argv[0]} cannot be started: {err.strerror}") from err
        try:
            return _exchange(process, stdin, timeout_s, on_line, argv[0])
        finally:
            _end(process)

    def put(
        self,
        source: Source,
        path: str,
        *,
        offset_bytes: int = 0,
        on_bytes: OnBytes | None = None,
    ) -> None:
        """See Transport.put."""
        place = os.path.join(self.home, path)
        try:
            with open(place, "r+b" if offset_bytes else "wb") as stream:
                stream.truncate(offset_bytes)
                stream.seek(offset_bytes)
                for block in blocks_of(source, offset_bytes, BLOCK):
                    stream.write(block)
                    if on_bytes:
                        on_bytes(len(block))
        except OSError as err:
            kind = DiskFull if err.errno in (errno.ENOSPC, errno.EDQUOT) else BoardError
            raise kind(f"{path} cannot be written: {err.strerror}") from err

    def get(self, path: str) -> bytes:
        """See Transport.get."""
        try:
            with open(os.path.join(self.home, path), "rb") as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        except OSError as err:
            raise BoardError(f"{path} cannot be read: {err.strerror}") from err
        if len(data) > MAX_FILE_BYTES:
            raise BoardError(f"{path} is larger than {MAX_FILE_BYTES} bytes")
        return data

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()


def connect(entry: BoardEntry) -> LocalTransport:
    """This machine, whatever the entry says."""
    return LocalTransport()


def _exchange(
    process: subprocess.Popen[bytes],
    stdin: bytes,
    timeout_s: float,
    on_line: OnLine | None,
    name: str,
) -> Completed:
    deadline = time.monotonic() + timeout_s
    assert process.stdin and process.stdout and process.stderr
    out, error = Lines(on_line), Lines(None)
    left = memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, out)
        selector.register(process.stderr, selectors.EVENT_READ, error)
        selector.register(process.stdin, selectors.EVENT_WRITE, None)
        while selector.get_map():
            if time.monotonic() > deadline:
                raise BoardTimeout(f"{name} did not end within {timeout_s:g} s")
            for key, _ in selector.select(0.2):
                if key.data is None:
                    left = _write(process, left)
                    if not left:
                        selector.unregister(process.stdin)
                        process.stdin.close()
                    continue
                block = os.read(key.fd, BLOCK)
                if block:
                    key.data.feed(block)
                else:
                    selector.unregister(key.fileobj)
    return Completed(process.wait(), out.data, error.data)


def _write(process: subprocess.Popen[bytes], left: memoryview) -> memoryview:
    assert process.stdin
    try:
        return left[os.write(process.stdin.fileno(), left[:4096]) :] if left else left
    except BrokenPipeError:
        return memoryview(b"")


def _end(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream and not stream.closed:
            try:
                stream.close()
            except BrokenPipeError:
                pass
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
