"""SSH by paramiko: own socket, strict host keys, bounded waits.

One connection serves everything. Translation to BoardError happens in :func:`translated` alone.
"""

from __future__ import annotations

import errno
import logging
import shlex
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import paramiko

from edgekit.boards.host_keys import (
    KeyVerdict,
    fingerprint,
    host_pattern,
    judge,
    read_known_hosts,
    recorded_types,
)
from edgekit.boards.transports.contract import Completed, Lines, OnBytes, OnLine
from edgekit.core.board import BoardEntry
from edgekit.core.errors import (
    AuthRefused,
    BoardError,
    BoardTimeout,
    DiskFull,
    HostKeyChanged,
    HostKeyUnknown,
    Unreachable,
)

CONNECT_TIMEOUT_S = 10
HANDSHAKE_TIMEOUT_S = 15
STALL_TIMEOUT_S = 20
"""Longest wait for a single read or write of file data."""
KEEPALIVE_S = 15
BLOCK = 1 << 15
PREFERRED_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")


logging.getLogger("paramiko").addHandler(logging.NullHandler())  # errors reach us as exceptions


class SshTransport:
    """A board over SSH. Connects when made."""

    def __init__(self, entry: BoardEntry) -> None:
        self.entry = entry
        self._transport: paramiko.Transport | None = None
        self._sftp: paramiko.SFTPClient | None = None
        with translated(entry):
            try:
                self._connect()
                self.home = self._home()
            except BaseException:
                self.close()
                raise

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_s: float = 60,
        on_line: OnLine | None = None,
    ) -> Completed:
        """See Transport.run."""
        with translated(self.entry):
            channel = self._open().open_session(timeout=HANDSHAKE_TIMEOUT_S)
            try:
                channel.exec_command(shlex.join(argv))
                return _exchange(channel, stdin, timeout_s, on_line, argv[0])
            finally:
                channel.close()

    def put(self, data: bytes, path: str, *, on_bytes: OnBytes | None = None) -> None:
        """See Transport.put."""
        with translated(self.entry):
            with self._files().open(path, "wb") as stream:
                stream.set_pipelined(True)
                for begin in range(0, len(data), BLOCK):
                    block = data[begin : begin + BLOCK]
                    stream.write(block)
                    if on_bytes:
                        on_bytes(len(block))
            size = self._files().stat(path).st_size
            if size != len(data):
                raise DiskFull(
                    f"{self.entry.name}: {size} of {len(data)} bytes arrived in {path}",
                    hint="free some space on the board, then run the same command again",
                )

    def get(self, path: str) -> bytes:
        """See Transport.get."""
        with translated(self.entry), self._files().open(path, "rb") as stream:
            stream.prefetch()
            return stream.read()

    def close(self) -> None:
        """Ends the connection."""
        if self._sftp is not None:
            self._sftp.close()
            self._sftp = None
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def _connect(self) -> None:
        settings = connection_settings(self.entry)
        files = [Path(p).expanduser() for p in settings.known_hosts]
        lines = read_known_hosts(files)
        name = host_pattern(settings.key_name, settings.port)
        connection = open_socket(settings.host, settings.port)
        transport = paramiko.Transport(connection)
        self._transport = transport
        transport.banner_timeout = HANDSHAKE_TIMEOUT_S
        transport.auth_timeout = HANDSHAKE_TIMEOUT_S
        options = transport.get_security_options()
        options.ciphers = _first(PREFERRED_CIPHERS, options.ciphers)
        options.key_types = _first(_key_names(recorded_types(lines, name)), options.key_types)
        transport.start_client(timeout=HANDSHAKE_TIMEOUT_S)
        self._check_host_key(transport.get_remote_server_key(), name, lines)
        transport.set_keepalive(KEEPALIVE_S)
        _authenticate(transport, settings)

    def _check_host_key(self, key: paramiko.PKey, name: str, lines: Any) -> None:  # Any: a tuple
        verdict = judge(lines, name, key.get_name(), key.asbytes())
        board = self.entry.name
        shown = f"{key.get_name()} {fingerprint(key.asbytes())}"
        if verdict is KeyVerdict.UNKNOWN:
            raise HostKeyUnknown(
                f"{board}: the host key of {name} is not recorded: {shown}",
                hint=f"compare it with the board's own, then: edgekit boards trust {board}",
            )
        if verdict is not KeyVerdict.TRUSTED:
            raise HostKeyChanged(
                f"{board}: the host key of {name} is {verdict}: it now shows {shown}",
                hint="if the board was set up anew, remove its old line: ssh-keygen -R "
                + shlex.quote(name),
            )

    def _home(self) -> str:
        return self._files().normalize(".")

    def _open(self) -> paramiko.Transport:
        if self._transport is None or not self._transport.is_active():
            raise Unreachable(f"{self.entry.name}: the connection is gone", hint="run it again")
        return self._transport

    def _files(self) -> paramiko.SFTPClient:
        if self._sftp is None:
            client = paramiko.SFTPClient.from_transport(self._open())
            if client is None:
                raise BoardError(f"{self.entry.name}: the server offers no file transfer")
            client.get_channel().settimeout(STALL_TIMEOUT_S)  # type: ignore[union-attr]  # open
            self._sftp = client
        return self._sftp


def connect(entry: BoardEntry) -> SshTransport:
    """Connects to a board over SSH."""
    return SshTransport(entry)


class Settings:
    """Where and how to connect: the inventory entry over ~/.ssh/config over defaults."""

    def __init__(self, entry: BoardEntry, config: paramiko.SSHConfigDict) -> None:
        self.key_name = entry.host
        self.host = config.get("hostname", entry.host)
        self.port = entry.port if entry.port != 22 else int(config.get("port", 22))
        self.user = entry.user or config.get("user", "") or _login_name()
        configured: str | list[str] = config.get("identityfile", [])
        named = [configured] if isinstance(configured, str) else list(configured)
        identity = [entry.identity_file] if entry.identity_file else named
        self.identity_files = [Path(p).expanduser() for p in identity]
        self.use_agent = not entry.identity_file
        defaults = config.get("userknownhostsfile", "~/.ssh/known_hosts").split()
        self.known_hosts = [entry.known_hosts] if entry.known_hosts else defaults
        if self.host != entry.host:
            self.key_name = self.host


def connection_settings(entry: BoardEntry) -> Settings:
    """The entry completed by the user's ~/.ssh/config."""
    path = Path("~/.ssh/config").expanduser()
    if path.is_file():
        config = paramiko.SSHConfig.from_path(str(path)).lookup(entry.host)
    else:
        config = paramiko.SSHConfigDict()
    return Settings(entry, config)


def open_socket(host: str, port: int) -> socket.socket:
    """A connected socket without Nagle's delay, which costs 40 ms per small request."""
    connection = socket.create_connection((host, port), timeout=CONNECT_TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return connection


def server_key(entry: BoardEntry) -> tuple[str, str, bytes]:
    """Asks a board for its host key without logging in: name, key type, key.

    Raises:
        BoardError: the board cannot be reached.
    """
    with translated(entry):
        settings = connection_settings(entry)
        transport = paramiko.Transport(open_socket(settings.host, settings.port))
        try:
            transport.start_client(timeout=HANDSHAKE_TIMEOUT_S)
            key = transport.get_remote_server_key()
            return host_pattern(settings.key_name, settings.port), key.get_name(), key.asbytes()
        finally:
            transport.close()


@contextmanager
def translated(entry: BoardEntry) -> Iterator[None]:
    """Turns every failure of socket and SSH into a BoardError that names the board."""
    where = f"{entry.name} ({entry.host}:{entry.port})"
    check = f"is it on and reachable? try: ssh -p {entry.port} {shlex.quote(entry.host)}"
    try:
        yield
    except BoardError:
        raise
    except paramiko.AuthenticationException as err:
        raise AuthRefused(
            f"{where}: the board refused every key of user {entry.user or _login_name()}",
            hint="set identity_file and user of the board, or load the key into ssh-agent",
        ) from err
    except (TimeoutError, socket.gaierror) as err:
        if isinstance(err, socket.gaierror):
            raise Unreachable(f"{where}: the name is not known: {err}", hint=check) from err
        raise BoardTimeout(f"{where}: no answer in time", hint=check) from err
    except paramiko.SSHException as err:
        if "No existing session" in str(err):
            raise BoardTimeout(
                f"{where}: it accepts connections but says nothing; {HANDSHAKE_TIMEOUT_S} s passed",
                hint=check,
            ) from err
        raise Unreachable(f"{where}: SSH failed: {err}", hint=check) from err
    except EOFError as err:
        raise Unreachable(f"{where}: the connection was closed", hint=check) from err
    except OSError as err:
        if err.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"{where}: no space left") from err
        text = err.strerror or str(err)
        raise Unreachable(f"{where}: {text}", hint=check) from err


def _exchange(
    channel: paramiko.Channel,
    stdin: bytes,
    timeout_s: float,
    on_line: OnLine | None,
    name: str,
) -> Completed:
    deadline = time.monotonic() + timeout_s
    out, error = Lines(on_line), Lines(None)
    channel.settimeout(STALL_TIMEOUT_S)
    if stdin:
        channel.sendall(stdin)
    channel.shutdown_write()
    channel.settimeout(0.2)
    while True:
        while channel.recv_stderr_ready():
            error.feed(channel.recv_stderr(BLOCK))
        try:
            block = channel.recv(BLOCK)
        except TimeoutError as err:
            if time.monotonic() > deadline:
                raise BoardTimeout(f"{name} did not end within {timeout_s:g} s") from err
            continue
        if not block:
            break
        out.feed(block)
    channel.settimeout(max(deadline - time.monotonic(), 1))
    while block := channel.recv_stderr(BLOCK):
        error.feed(block)
    if not channel.status_event.wait(max(deadline - time.monotonic(), 1)):
        raise BoardTimeout(f"{name} did not end within {timeout_s:g} s")
    return Completed(channel.recv_exit_status(), out.data, error.data)


def _authenticate(transport: paramiko.Transport, settings: Settings) -> None:
    keys: list[paramiko.PKey] = [
        key for path in settings.identity_files if (key := _read_key(path)) is not None
    ]
    if settings.use_agent:
        keys.extend(paramiko.Agent().get_keys())
    if settings.use_agent and not keys:
        names = ("id_ed25519", "id_ecdsa", "id_rsa")
        paths = [Path("~/.ssh").expanduser() / name for name in names]
        keys = [key for path in paths if (key := _read_key(path)) is not None]
    for key in keys:
        try:
            transport.auth_publickey(settings.user, key)
            return
        except paramiko.AuthenticationException:
            continue
    raise paramiko.AuthenticationException(f"{len(keys)} keys were tried")


def _read_key(path: Path) -> paramiko.PKey | None:
    try:
        return paramiko.PKey.from_path(path)
    except (OSError, paramiko.SSHException, ValueError, TypeError):
        return None


def _key_names(types: tuple[str, ...]) -> tuple[str, ...]:
    """Algorithms that use a recorded key type."""
    names: list[str] = []
    for kind in types:
        names += ["rsa-sha2-512", "rsa-sha2-256"] if kind == "ssh-rsa" else [kind]
    return tuple(names)


def _first(preferred: Sequence[str], available: Sequence[str]) -> list[str]:
    wanted = [name for name in preferred if name in available]
    return wanted + [name for name in available if name not in wanted]


def _login_name() -> str:
    import getpass

    return getpass.getuser()
