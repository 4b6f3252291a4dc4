"""Makes an SSH connection: own socket, jump hosts, strict host key.

paramiko's own socket has Nagle's delay (40 ms per small request) and no limit on waiting.
"""

from __future__ import annotations

import contextlib
import random
import shlex
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

import paramiko

from edgekit.boards.host_keys import (
    HostKey,
    KeyVerdict,
    KnownHosts,
    fingerprint,
    read_known_hosts,
    read_revoked_keys,
)
from edgekit.boards.ssh.client import Client
from edgekit.boards.ssh.target import SshTarget
from edgekit.boards.ssh.watchdog import Watchdog
from edgekit.core.errors import HostKeyChanged, HostKeyUnknown

KEEPALIVE_S = 15
USER_TIMEOUT_MS = 30_000
"""The kernel gives a connection up when sent data is not taken for this long."""
PREFERRED_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
"""Half again as fast as aes128-ctr with a separate MAC (docs/benchmarks.md)."""
CLOSE_TIMEOUT_S = 5
ATTEMPTS = 6
"""A busy sshd drops connections before its banner (MaxStartups): worth asking again."""
FIRST_PAUSE_S = 0.1


@dataclass
class Connection:
    """A running transport, with the hops that carry it."""

    transport: paramiko.Transport
    watchdog: Watchdog
    hops: tuple[Connection, ...] = ()

    def close(self) -> None:
        """Shuts down, waits for the reading thread, then closes.

        Closing the descriptor first would let another thread's new socket get its number while
        the reading thread still uses it.
        """
        with contextlib.suppress(OSError, EOFError):
            if isinstance(self.transport.sock, socket.socket):
                self.transport.sock.shutdown(socket.SHUT_RDWR)
            else:
                self.transport.sock.close()
        if self.transport.is_alive():
            self.transport.join(CLOSE_TIMEOUT_S)
        self.transport.close()
        for hop in reversed(self.hops):
            hop.close()


def connect_to(target: SshTarget, hops: Sequence[Connection] = ()) -> Connection:
    """Connects, checks nothing yet but that SSH is spoken; see :func:`check_host_key`.

    Raises:
        OSError, EOFError, paramiko.SSHException: as socket and SSH fail.
    """
    pause_s = FIRST_PAUSE_S
    for attempt in range(ATTEMPTS):
        try:
            return _connect_once(target, tuple(hops))
        except (EOFError, ConnectionResetError, paramiko.SSHException) as err:
            if attempt == ATTEMPTS - 1 or not _was_dropped(err):
                raise
        time.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311  spreads, hides nothing
        pause_s *= 2
    raise AssertionError("unreachable")


def open_socket(target: SshTarget) -> socket.socket:
    """A connected socket with bounded waits and without Nagle's delay."""
    connection = socket.create_connection(
        (target.host, target.port), timeout=target.connect_timeout_s
    )
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_S),
        ("TCP_KEEPINTVL", 5),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", USER_TIMEOUT_MS),
    ):
        option = getattr(socket, name, None)  # not on every system
        if option is not None:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
    return connection


def known_hosts_of(target: SshTarget) -> KnownHosts:
    """What the user's files say about the target's host keys."""
    revoked = read_revoked_keys(target.revoked_keys) if target.revoked_keys else ()
    return KnownHosts(
        read_known_hosts(target.known_hosts), target.key_name, target.plain_name, revoked
    )


def check_host_key(target: SshTarget, transport: paramiko.Transport) -> None:
    """Strict: only a recorded key, or one that a recorded authority certified.

    Raises:
        HostKeyUnknown: nothing is recorded.
        HostKeyChanged: another key is recorded, or this one was revoked.
    """
    key = host_key(transport)
    verdict = known_hosts_of(target).judge(key)
    board, name = target.board, target.key_name
    shown = f"{key.key_type} {fingerprint(key.blob)}"
    if verdict is KeyVerdict.UNKNOWN:
        raise HostKeyUnknown(
            f"{board}: the host key of {name} is not recorded: {shown}",
            hint=f"compare it with the board's own, then: edgekit boards trust {board}",
            details={"fingerprint": fingerprint(key.blob), "key_type": key.key_type},
        )
    if verdict is not KeyVerdict.TRUSTED:
        raise HostKeyChanged(
            f"{board}: the host key of {name} is {verdict}: it now shows {shown}",
            hint="if the board was set up anew, remove its old line: ssh-keygen -R "
            + shlex.quote(name),
            details={"fingerprint": fingerprint(key.blob), "key_type": key.key_type},
        )


def host_key(transport: paramiko.Transport) -> HostKey:
    """The key that the server proved to have, with its certificate if it showed one."""
    key = transport.get_remote_server_key()
    certificate = getattr(key, "public_blob", None)
    return HostKey(
        key.get_name(), key.asbytes(), certificate.key_blob if certificate is not None else b""
    )


def _connect_once(target: SshTarget, hops: tuple[Connection, ...]) -> Connection:
    if hops:
        carrier = hops[-1]
        channel = carrier.transport.open_channel(
            "direct-tcpip",
            (target.host, target.port),
            ("127.0.0.1", 0),
            timeout=target.connect_timeout_s,
        )
        transport, watchdog = Client(channel), carrier.watchdog
    else:
        connection = open_socket(target)
        transport, watchdog = Client(connection), Watchdog(connection)
    made = Connection(transport, watchdog)
    try:
        with watchdog.limit(target.handshake_timeout_s + 1):
            _negotiate(target, transport)
    except BaseException:
        made.close()
        raise
    return made


def _negotiate(target: SshTarget, transport: Client) -> None:
    transport.banner_timeout = target.handshake_timeout_s
    transport.auth_timeout = target.handshake_timeout_s
    options = transport.get_security_options()
    options.ciphers = _first(PREFERRED_CIPHERS, options.ciphers)
    transport.host_key_order = known_hosts_of(target).order(tuple(transport.preferred_keys))
    transport.start_client(timeout=target.handshake_timeout_s)
    if not transport.initial_kex_done:
        raise TimeoutError("the key exchange did not end in time")
    transport.set_keepalive(KEEPALIVE_S)


def _was_dropped(err: Exception) -> bool:
    """True when the server closed without a word, as a full sshd does."""
    closed = (EOFError, ConnectionResetError, BrokenPipeError)
    return isinstance(err, closed) or isinstance(err.__context__, closed)


def _first(preferred: Sequence[str], available: Sequence[str]) -> list[str]:
    wanted = [name for name in preferred if name in available]
    return wanted + [name for name in available if name not in wanted]
