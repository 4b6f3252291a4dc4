"""The part of SFTP version 3 that moves files, with many requests under way.

paramiko's client drops the errors of pipelined writes, so a full disk looks like success; here
every answer is read and checked. Source: draft-ietf-secsh-filexfer-02, PROTOCOL of OpenSSH.
"""

from __future__ import annotations

import errno
import struct
from collections import deque
from collections.abc import Callable, Iterator

import paramiko

from edgekit.boards.transports.contract import OnBytes, Source, blocks_of
from edgekit.core.errors import BoardError, DiskFull

INIT, VERSION, OPEN, CLOSE, READ, WRITE, REALPATH = 1, 2, 3, 4, 5, 6, 16
FSETSTAT, STATUS, HANDLE, DATA, NAME, EXTENDED, EXTENDED_REPLY = 10, 101, 102, 103, 104, 200, 201
OPEN_READ, OPEN_WRITE, OPEN_CREATE, OPEN_TRUNCATE = 1, 2, 8, 16
END_OF_FILE, NO_SUCH_FILE, PERMISSION_DENIED = 1, 2, 3
ATTRIBUTE_SIZE = 1
WRITE_BYTES = 32_000
"""Fits one packet of any server with all headers."""
LARGE_WRITE_BYTES = 65_000
"""For servers that say their limits, as OpenSSH from 8.5 does: half as many answers."""
READ_BYTES = 32_768
UNDER_WAY = 64
"""Requests sent ahead of their answers: 2 to 4 MB, more than the server's window."""
MAX_ANSWER_BYTES = 1 << 18


class Sftp:
    """A session on an open channel whose subsystem is sftp.

    Raises:
        NotSftp: what answers does not speak it; a login shell that prints, for example.
    """

    def __init__(self, channel: paramiko.Channel, progress: Callable[[], None]) -> None:
        self.channel = channel
        self.progress = progress
        self.rest = bytearray()
        self.count = 0
        self._send(INIT, struct.pack(">I", 3))
        kind, body = self._receive()
        if kind != VERSION:
            raise NotSftp(f"answer {kind} instead of a version")
        self.extensions = _extensions(body[4:])

    def real_path(self, path: str) -> str:
        """The absolute form of a path."""
        kind, body = self._ask(REALPATH, _string(path.encode()))
        if kind != NAME:
            raise self._failure(kind, body, path)
        return _read_string(body, 4)[0].decode("utf-8", "surrogateescape")

    def write(
        self, source: Source, path: str, offset_bytes: int, on_bytes: OnBytes | None
    ) -> None:
        """Writes the source from an offset on; the file ends where the source does."""
        flags = OPEN_WRITE | OPEN_CREATE | (0 if offset_bytes else OPEN_TRUNCATE)
        handle = self._open(path, flags)
        if offset_bytes:
            size = struct.pack(">IQ", ATTRIBUTE_SIZE, offset_bytes)
            self._expect_ok(*self._ask(FSETSTAT, handle + size), path)
        block_bytes = LARGE_WRITE_BYTES if "limits@openssh.com" in self.extensions else WRITE_BYTES
        sizes: deque[int] = deque()
        failure: tuple[int, bytes] | None = None
        at = offset_bytes
        for block in blocks_of(source, offset_bytes, block_bytes):
            body = handle + struct.pack(">QI", at, len(block)) + block
            self._send(WRITE, self._number() + body)
            at += len(block)
            sizes.append(len(block))
            while len(sizes) > UNDER_WAY or (sizes and self.channel.recv_ready()):
                failure = self._written(sizes, on_bytes) or failure
            if failure:
                break
        while sizes:
            failure = self._written(sizes, on_bytes) or failure
        closed = self._ask(CLOSE, handle)
        if failure:
            raise self._failure(*failure, path)
        self._expect_ok(*closed, path)

    def read(self, path: str, max_bytes: int) -> bytes:
        """The whole content of a file."""
        handle = self._open(path, OPEN_READ)
        data = bytearray()
        try:
            for block in self._blocks(handle, path):
                data += block
                if len(data) > max_bytes:
                    raise BoardError(f"{path} is larger than {max_bytes} bytes")
        finally:
            self._ask(CLOSE, handle)
        return bytes(data)

    def _blocks(self, handle: bytes, path: str) -> Iterator[bytes]:
        at = 0
        while True:
            kind, body = self._ask(READ, handle + struct.pack(">QI", at, READ_BYTES))
            if kind == STATUS and struct.unpack_from(">I", body)[0] == END_OF_FILE:
                return
            if kind != DATA:
                raise self._failure(kind, body, path)
            block = _read_string(body, 0)[0]
            at += len(block)
            yield block

    def _written(self, sizes: deque[int], on_bytes: OnBytes | None) -> tuple[int, bytes] | None:
        """Takes one answer; gives it when it is a failure."""
        kind, body = self._receive()
        size = sizes.popleft()
        if kind != STATUS or struct.unpack_from(">I", body, 4)[0] != 0:
            return kind, body[4:]
        self.progress()
        if on_bytes:
            on_bytes(size)
        return None

    def _open(self, path: str, flags: int) -> bytes:
        kind, body = self._ask(OPEN, _string(_encoded(path)) + struct.pack(">II", flags, 0))
        if kind != HANDLE:
            raise self._failure(kind, body, path)
        return body

    def _expect_ok(self, kind: int, body: bytes, path: str) -> None:
        if kind != STATUS or struct.unpack_from(">I", body)[0] != 0:
            raise self._failure(kind, body, path)

    def _failure(self, kind: int, body: bytes, path: str) -> BoardError:
        code = struct.unpack_from(">I", body)[0] if kind == STATUS and len(body) >= 4 else -1
        if code == NO_SUCH_FILE:
            return BoardError(f"{path}: no such file or folder on the board")
        if code == PERMISSION_DENIED:
            return BoardError(f"{path}: the board denies permission")
        if self._is_full(path):
            return DiskFull(f"{path}: no space left on the board")
        text = _read_string(body, 4)[0].decode("utf-8", "replace") if code >= 0 else str(kind)
        shown = "".join(c if c.isprintable() else "?" for c in text[:200])
        return BoardError(
            f"{path}: the board answers: {shown}", hint="is its disk full or broken?"
        )

    def _is_full(self, path: str) -> bool:
        """SFTP has no code for a full disk; OpenSSH can be asked about the file system."""
        name = "statvfs@openssh.com"
        if name not in self.extensions:
            return False
        folder = _encoded(path.rpartition("/")[0] or "/")
        kind, body = self._ask(EXTENDED, _string(name.encode()) + _string(folder))
        if kind != EXTENDED_REPLY or len(body) < 88:
            return False
        _, block_bytes, _, _, blocks, _, _, inodes, *_ = struct.unpack(">11Q", body[:88])
        return bool(blocks * block_bytes < LARGE_WRITE_BYTES or inodes == 0)

    def _number(self) -> bytes:
        self.count += 1
        return struct.pack(">I", self.count & 0xFFFFFFFF)

    def _ask(self, kind: int, body: bytes) -> tuple[int, bytes]:
        """Sends a request while none is under way; gives its answer without the number."""
        self._send(kind, self._number() + body)
        answer, content = self._receive()
        return answer, content[4:]

    def _send(self, kind: int, body: bytes) -> None:
        self.channel.sendall(struct.pack(">IB", len(body) + 1, kind) + body)

    def _receive(self) -> tuple[int, bytes]:
        size = struct.unpack(">I", self._take(4))[0]
        if not 1 <= size <= MAX_ANSWER_BYTES:
            raise NotSftp(f"an answer of {size} bytes")
        answer = self._take(size)
        return answer[0], answer[1:]

    def _take(self, count: int) -> bytes:
        while len(self.rest) < count:
            block = self.channel.recv(1 << 16)
            if not block:
                raise EOFError("the file transfer was closed")
            self.rest += block
        taken = bytes(self.rest[:count])
        del self.rest[:count]
        return taken


class NotSftp(Exception):
    """The other side does not speak SFTP; caught by the transport, which then uses streams."""

    errno = errno.EPROTO


def _encoded(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def _read_string(body: bytes, at: int) -> tuple[bytes, int]:
    if len(body) < at + 4:
        return b"", at
    end = at + 4 + int(struct.unpack_from(">I", body, at)[0])
    return body[at + 4 : end], end


def _extensions(body: bytes) -> frozenset[str]:
    names, at = [], 0
    while at < len(body):
        name, at = _read_string(body, at)
        _, at = _read_string(body, at)
        names.append(name.decode("ascii", "replace"))
        if not name:
            break
    return frozenset(names)
