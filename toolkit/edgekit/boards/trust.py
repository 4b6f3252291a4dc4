"""Looks at a board's host key and records it once a person has compared it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from edgekit.boards.host_keys import HostKey, KeyVerdict, fingerprint, record_key
from edgekit.boards.ssh.connection import known_hosts_of
from edgekit.boards.ssh.target import find_target
from edgekit.boards.transports.ssh import server_key
from edgekit.core.board import BoardEntry
from edgekit.core.errors import ConfigError, HostKeyChanged, UsageFault


@dataclass(frozen=True)
class SeenKey:
    """A host key as the board shows it now."""

    name: str
    """As it is, or will be, recorded."""
    key: HostKey
    is_trusted: bool
    file: Path
    """Where it is recorded."""

    @property
    def fingerprint(self) -> str:
        """``SHA256:...``"""
        return fingerprint(self.key.blob)

    @property
    def file_there(self) -> str:
        """The usual place of its public half on the board."""
        kind = self.key.key_type.removeprefix("ssh-").partition("-")[0]
        return f"/etc/ssh/ssh_host_{kind}_key.pub"


def see_host_key(entry: BoardEntry, *, expected: str = "") -> SeenKey:
    """Asks a board for its host key.

    Args:
        entry: the board.
        expected: the fingerprint that it has to show.

    Raises:
        HostKeyChanged: another key is recorded, this one was revoked, or it is not the expected one.
        BoardError: the board cannot be reached.
    """
    if entry.transport != "ssh":
        raise UsageFault(f"{entry.name} is not reached over SSH: there is no host key to record")
    target = find_target(entry)
    if not target.known_hosts:
        raise ConfigError(
            f"{entry.name}: UserKnownHostsFile is none, so no key can be recorded",
            hint=f"set known_hosts of {entry.name} in boards.toml",
        )
    key = server_key(entry)
    verdict = known_hosts_of(target).judge(key)
    file, shown = target.known_hosts[0], fingerprint(key.blob)
    if verdict in (KeyVerdict.CHANGED, KeyVerdict.REVOKED):
        raise HostKeyChanged(
            f"{entry.name}: another key of {target.key_name} is recorded; it now shows "
            f"{key.key_type} {shown}"
            if verdict is KeyVerdict.CHANGED
            else f"{entry.name}: the key {shown} of {target.key_name} was revoked",
            hint="if the board was set up anew: ssh-keygen -R "
            f"{shlex.quote(target.key_name)} -f {shlex.quote(str(file))}",
            details={"fingerprint": shown, "key_type": key.key_type},
        )
    if expected and expected != shown:
        raise HostKeyChanged(
            f"{entry.name}: the host key is {shown}, not {expected}",
            hint="do not log in there before you know why",
            details={"fingerprint": shown, "key_type": key.key_type},
        )
    return SeenKey(target.key_name, key, verdict is KeyVerdict.TRUSTED, file)


def record_host_key(seen: SeenKey) -> None:
    """Adds the key's line to the file."""
    record_key(seen.file, seen.name, seen.key.key_type, seen.key.blob)
