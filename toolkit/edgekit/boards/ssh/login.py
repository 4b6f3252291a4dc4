"""Proves who we are: keys, the agent, and passwords that a person types or a file holds.

No password is taken from a command line, an environment variable or the inventory.
"""

from __future__ import annotations

import base64
import contextlib
import getpass
import os
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
from paramiko.agent import AgentSSH

from edgekit.boards.ssh.target import SshTarget
from edgekit.core.errors import AuthRefused, ConfigError

AGENT_TIMEOUT_S = 10
MAX_KEYS = 6
"""sshd ends the connection after so many attempts. Source: MaxAuthTries, sshd_config(5)."""


class Secret:
    """A password whose representation does not show it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "***"


def log_in(target: SshTarget, transport: paramiko.Transport) -> None:
    """Authenticates, keys first.

    Raises:
        AuthRefused: the board took none of them.
        ConfigError: the password file cannot be used.
        paramiko.SSHException, EOFError: the connection broke.
    """
    tried: list[str] = []
    with _agent(target) as agent:
        for key in _keys(target, agent):
            tried.append(f"{key.get_name()} {key.fingerprint}")
            try:
                transport.auth_publickey(target.user, key)
            except paramiko.BadAuthenticationType:
                break  # no keys are taken there
            except paramiko.AuthenticationException:
                pass
            if transport.is_authenticated():
                return
            if len(tried) >= MAX_KEYS - 1 or not transport.is_active():
                break
    if transport.is_active() and _with_password(target, transport, tried):
        return
    raise AuthRefused(
        f"{target.where}: the board refused every credential of user {target.user}: "
        f"{', '.join(tried) or 'there is none'}",
        hint="set identity_file and user of the board, or load the key: ssh-add",
        details={"tried": tried},
    )


def _keys(target: SshTarget, agent: list[paramiko.PKey]) -> Iterator[paramiko.PKey]:
    """Keys in ssh's order: those of the agent that are configured, other agent keys, files."""
    files = [key for path in target.identity_files if (key := read_key(path)) is not None]
    known = {_public(path) for path in target.identity_files} | {key.asbytes() for key in files}
    yield from (key for key in agent if key.asbytes() in known)
    if not target.only_identities:
        yield from (key for key in agent if key.asbytes() not in known)
    held = {key.asbytes() for key in agent}
    yield from (key for key in files if key.asbytes() not in held)


def read_key(path: Path) -> paramiko.PKey | None:
    """A private key; asks for its passphrase when a person is there; None when unusable."""
    with contextlib.suppress(OSError, paramiko.SSHException, ValueError, TypeError):
        return paramiko.PKey.from_path(path)
    if not path.is_file() or not _can_ask():
        return None
    try:
        if b"ENCRYPTED" not in path.read_bytes() and b"OPENSSH" not in path.read_bytes():
            return None
        phrase = Secret(getpass.getpass(f"passphrase of {path}: "))
        secret = phrase.text.encode()  # the library under paramiko wants bytes
        return paramiko.PKey.from_path(path, password=secret)  # type: ignore[arg-type]  # stubs: text
    except (OSError, paramiko.SSHException, ValueError, TypeError, EOFError):
        return None


def _public(path: Path) -> bytes:
    """The public half that lies beside a private key, so that the agent's twin is found."""
    try:
        words = Path(f"{path}.pub").read_text(encoding="utf-8").split()
        return base64.b64decode(words[1])
    except (OSError, IndexError, ValueError):
        return b""


@contextlib.contextmanager
def _agent(target: SshTarget) -> Iterator[list[paramiko.PKey]]:
    path = os.environ.get("SSH_AUTH_SOCK", "") if target.agent == "SSH_AUTH_SOCK" else target.agent
    if path in ("", "none"):
        yield []
        return
    agent = AgentSSH()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(AGENT_TIMEOUT_S)
        try:
            connection.connect(path)
            agent._connect(connection)  # type: ignore[attr-defined]  # the public way knows only the usual socket
        except (OSError, paramiko.SSHException):
            yield []
            return
        yield list(agent.get_keys())


def _with_password(target: SshTarget, transport: paramiko.Transport, tried: list[str]) -> bool:
    """Logs in by a password from the file, or as the server asks a person for one."""
    if target.password_file:
        secret = _read_password(Path(target.password_file).expanduser())
    elif not _can_ask():
        return False
    else:
        try:
            transport.auth_interactive(target.user, _ask)
            return transport.is_authenticated()
        except paramiko.BadAuthenticationType as err:
            if "password" not in err.allowed_types:
                return False
        except paramiko.AuthenticationException:
            tried.append("what was typed")
            return False
        secret = Secret(getpass.getpass(f"password of {target.user} on {target.host}: "))
    tried.append("a password")
    with contextlib.suppress(paramiko.AuthenticationException):
        transport.auth_password(target.user, secret.text)
    return transport.is_authenticated()


def _ask(title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
    """Shows a server's questions, without what could steer a terminal."""
    answers = []
    for text, _ in prompts:
        shown = "".join(letter for letter in text[:200] if letter.isprintable())
        answers.append(getpass.getpass(shown))
    return answers


def _read_password(path: Path) -> Secret:
    try:
        if path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            raise ConfigError(
                f"password file {path} can be read by others", hint=f"chmod 600 {path}"
            )
        return Secret(path.read_text(encoding="utf-8").rstrip("\r\n"))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"password file {path} cannot be read: {err}") from err


def _can_ask() -> bool:
    """Only a person at a terminal is asked, and only from the main thread."""
    return sys.stdin.isatty() and threading.current_thread() is threading.main_thread()
