"""SSH by paramiko: own socket, strict host keys, bounded waits, jump hosts.

One connection serves everything. Translation to BoardError happens in :func:`translated` alone.
"""

from __future__ import annotations

import errno
import logging
import os
import shlex
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import paramiko

from edgekit.boards.host_keys import HostKey
from edgekit.boards.ssh.command import Command
from edgekit.boards.ssh.connection import Connection, check_host_key, connect_to, host_key
from edgekit.boards.ssh.login import log_in
from edgekit.boards.ssh.sftp import NotSftp, Sftp
from edgekit.boards.ssh.target import SshTarget, find_route
from edgekit.boards.ssh.watchdog import Watchdog
from edgekit.boards.transports.contract import (
    MAX_FILE_BYTES,
    Completed,
    OnBytes,
    OnLine,
    Source,
    blocks_of,
)
from edgekit.core.board import BoardEntry
from edgekit.core.errors import (
    BoardError,
    BoardTimeout,
    CommandFailed,
    DiskFull,
    EdgekitError,
    Unreachable,
)

STALL_TIMEOUT_S = 20.0
"""Longest wait for a block of file data to be confirmed, or for a channel to open."""
STREAM_TIMEOUT_S = 24 * 3600.0
"""A stream ends by stalling, not by its length."""
COMMAND_GRACE_S = 10.0
"""A command's own time limit speaks first; then the connection is ended."""
STREAM_BLOCK_BYTES = 32_000

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # errors reach us as exceptions


class SshTransport:
    """A board over SSH. Connects when made."""

    def __init__(self, entry: BoardEntry) -> None:
        self.entry = entry
        self.stall_timeout_s = STALL_TIMEOUT_S
        self._connection: Connection | None = None
        self._sftp: Sftp | None = None
        self._has_sftp = True
        self._home = ""
        route = find_route(entry)
        self.target = route[-1]
        self._connection = open_route(route, entry)

    @property
    def home(self) -> str:
        """See Transport.home."""
        if not self._home:
            self._home = self._find_home()
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
        return self._run(argv, stdin, timeout_s=timeout_s, on_line=on_line)

    def put(
        self,
        source: Source,
        path: str,
        *,
        offset_bytes: int = 0,
        on_bytes: OnBytes | None = None,
    ) -> None:
        """See Transport.put."""
        files = self._files()
        if files is None:
            self._stream(source, path, offset_bytes, on_bytes)
            return
        with self._guarded(self.stall_timeout_s), self._kept(files):
            files.write(source, path, offset_bytes, on_bytes)

    def get(self, path: str) -> bytes:
        """See Transport.get."""
        files = self._files()
        if files is None:
            done = self._run(["cat", "--", path], b"", timeout_s=STREAM_TIMEOUT_S)
            if done.code != 0:
                raise BoardError(f"{self.entry.name}: {path} cannot be read")
            return done.stdout
        with self._guarded(self.stall_timeout_s), self._kept(files):
            return files.read(path, MAX_FILE_BYTES)

    def close(self) -> None:
        """Ends the connection."""
        self._sftp = None
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def _run(
        self,
        argv: Sequence[str],
        stdin: Source,
        *,
        timeout_s: float,
        on_line: OnLine | None = None,
        offset_bytes: int = 0,
        on_bytes: OnBytes | None = None,
    ) -> Completed:
        """Runs a program; with ``on_bytes`` its stdin must keep moving."""
        limit_s = self.stall_timeout_s if on_bytes else timeout_s + COMMAND_GRACE_S
        blocks = blocks_of(stdin, offset_bytes, STREAM_BLOCK_BYTES)
        with self._guarded(limit_s) as watchdog:
            channel = self._open().open_session(timeout=self.stall_timeout_s)

            def sent(size: int) -> None:
                if on_bytes:
                    watchdog.progress()
                    on_bytes(size)

            try:
                channel.settimeout(self.stall_timeout_s)
                command = Command(channel, argv, on_line=on_line, timeout_s=timeout_s)
                return command.exchange(blocks, sent=sent)
            finally:
                channel.close()

    def _stream(
        self, source: Source, path: str, offset_bytes: int, on_bytes: OnBytes | None
    ) -> None:
        """Writes a file by ``cat``, for servers without SFTP."""
        program = f'dd if=/dev/null of="$1" bs=1 seek={offset_bytes} && cat >>"$1"'
        done = self._run(
            ["sh", "-c", program, "sh", path],
            source,
            timeout_s=STREAM_TIMEOUT_S,
            offset_bytes=offset_bytes,
            on_bytes=on_bytes or (lambda size: None),
        )
        if done.code == 0:
            return
        text = "".join(
            c if c.isprintable() else " " for c in done.stderr.decode("utf-8", "replace")
        )
        kind = DiskFull if "No space left" in text or "quota" in text else CommandFailed
        raise kind(f"{self.entry.name}: {path} cannot be written: {text.strip()[-200:]}")

    def _find_home(self) -> str:
        done = self._run(["pwd"], b"", timeout_s=self.stall_timeout_s)
        home = done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")
        if done.code != 0 or not home.startswith("/"):
            raise BoardError(f"{self.entry.name}: the user has no home folder there")
        return home

    def _open(self) -> paramiko.Transport:
        if self._connection is None or not self._connection.transport.is_active():
            raise Unreachable(f"{self.entry.name}: the connection is gone", hint="run it again")
        return self._connection.transport

    def _files(self) -> Sftp | None:
        """The SFTP session; None where the server has none that works."""
        if self._sftp is not None or not self._has_sftp:
            return self._sftp
        with self._guarded(self.stall_timeout_s) as watchdog:
            channel = self._open().open_session(timeout=self.stall_timeout_s)
            channel.settimeout(self.stall_timeout_s)
            try:
                channel.invoke_subsystem("sftp")
                self._sftp = Sftp(channel, watchdog.progress)
            except (NotSftp, EOFError, paramiko.SSHException):
                channel.close()
                self._open()
                self._has_sftp = False
        return self._sftp

    @contextmanager
    def _kept(self, files: Sftp) -> Iterator[None]:
        """Keeps the session after success or a checked failure; drops it when cut short."""
        try:
            yield
        except EdgekitError:
            raise
        except BaseException:
            self._sftp = None
            files.channel.close()
            raise

    @contextmanager
    def _guarded(self, limit_s: float) -> Iterator[Watchdog]:
        connection = self._connection
        if connection is None:
            raise Unreachable(f"{self.entry.name}: the connection is gone", hint="run it again")
        watchdog = connection.watchdog
        with translated(self.target, watchdog, limit_s), watchdog.limit(limit_s):
            yield watchdog


def connect(entry: BoardEntry) -> SshTransport:
    """Connects to a board over SSH."""
    return SshTransport(entry)


def open_route(route: Sequence[SshTarget], entry: BoardEntry) -> Connection:
    """A logged-in connection to the last of the targets, through the others.

    Raises:
        BoardError: one of them cannot be reached, is not trusted or refuses us.
    """
    hops: list[Connection] = []
    try:
        for target in route:
            with translated(target):
                hops.append(connect_to(target, hops))
                with hops[-1].watchdog.limit(target.handshake_timeout_s * 4):
                    check_host_key(target, hops[-1].transport)
                    log_in(target, hops[-1].transport)
    except BaseException:
        for hop in reversed(hops):
            hop.close()
        raise
    last = hops.pop()
    last.hops = tuple(hops)
    return last


def server_key(entry: BoardEntry) -> HostKey:
    """Asks a board for its host key without logging in there.

    Raises:
        BoardError: the board cannot be reached.
    """
    *jumps, target = find_route(entry)
    carrier = open_route(jumps, entry) if jumps else None
    try:
        with translated(target):
            connection = connect_to(target, [carrier] if carrier else [])
            try:
                return host_key(connection.transport)
            finally:
                connection.close()
    finally:
        if carrier is not None:
            carrier.close()


@contextmanager
def translated(
    target: SshTarget, watchdog: Watchdog | None = None, limit_s: float = 0.0
) -> Iterator[None]:
    """Turns every failure of socket and SSH into a BoardError that names the board."""
    where = target.where
    check = f"is it on and reachable? try: ssh -p {target.port} {shlex.quote(target.host)}"
    try:
        yield
    except EdgekitError as err:
        if watchdog is not None and watchdog.has_fired and isinstance(err, BoardError):
            raise _stalled(where, limit_s, check) from err
        raise
    except (OSError, EOFError, paramiko.SSHException) as err:
        if watchdog is not None and (watchdog.has_fired or isinstance(err, TimeoutError)):
            raise _stalled(where, limit_s, check) from err
        raise _explained(err, where, check) from err


def _stalled(where: str, limit_s: float, check: str) -> BoardTimeout:
    return BoardTimeout(f"{where}: nothing moved for {limit_s:g} s; the link stalled", hint=check)


def _explained(err: Exception, where: str, check: str) -> BoardError:
    if isinstance(err, socket.gaierror):
        return Unreachable(f"{where}: the name is not known: {err}", hint=check)
    if isinstance(err, TimeoutError) or isinstance(err.__context__, TimeoutError):
        return BoardTimeout(f"{where}: no answer in time", hint=check)
    if isinstance(err, paramiko.SSHException):
        return Unreachable(f"{where}: SSH failed: {err}", hint=check)
    if isinstance(err, EOFError):
        return Unreachable(f"{where}: the connection was closed", hint=check)
    number = err.errno if isinstance(err, OSError) else None
    text = os.strerror(number) if number else str(err) or "the connection was closed"
    kind = DiskFull if number in (errno.ENOSPC, errno.EDQUOT) else Unreachable
    return kind(f"{where}: {text}", hint=check)
