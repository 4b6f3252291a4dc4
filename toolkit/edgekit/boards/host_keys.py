"""Judges a server's host key against known_hosts files as ``ssh`` with strict checking does.

paramiko's own reader refuses whole files because of one odd line and does not know wildcards,
negations, revoked keys or two keys of one type; see docs/adr/0003-ssh-and-host-keys.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from edgekit.boards.ssh.certificate import read_certificate
from edgekit.boards.ssh.patterns import matches_list
from edgekit.core.errors import ConfigError
from edgekit.core.record import write_atomically

REVOKED = "@revoked"
AUTHORITY = "@cert-authority"
CERTIFICATE = "-cert-v01@openssh.com"


class KeyVerdict(StrEnum):
    """What known_hosts says about a key."""

    TRUSTED = "trusted"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True)
class KnownHostLine:
    """One usable line of a known_hosts file."""

    marker: str
    patterns: tuple[str, ...]
    key_type: str
    key: bytes


def host_pattern(host: str, port: int) -> str:
    """The name under which ssh records a host: bare on port 22, ``[host]:port`` otherwise."""
    return host if port == 22 else f"[{host}]:{port}"


def fingerprint(key: bytes) -> str:
    """``SHA256:...`` as ssh-keygen prints it."""
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


@dataclass(frozen=True)
class HostKey:
    """What a server proved to have."""

    key_type: str
    """Of the plain key, such as ssh-ed25519."""
    blob: bytes
    """The plain public key."""
    certificate: bytes = b""
    """The certificate it showed; empty for a plain key."""


@dataclass(frozen=True)
class KnownHosts:
    """All recorded lines, asked about one host."""

    lines: tuple[KnownHostLine, ...]
    name: str
    """As recorded: ``host``, ``[host]:port`` or an alias."""
    plain_name: str = ""
    """The same without the port: ssh takes a key recorded for the bare host, too."""
    revoked: tuple[bytes, ...] = ()
    """Keys of RevokedHostKeys."""

    def judge(self, key: HostKey) -> KeyVerdict:
        """Ssh's verdict: a certificate first, then the plain key, then the bare host's line."""
        verdict = self._judge_as(self.name, key)
        plain = self.plain_name or self.name
        if verdict is not KeyVerdict.UNKNOWN or plain == self.name:
            return verdict
        bare = self._judge_as(plain, key)
        return bare if bare is KeyVerdict.TRUSTED else verdict

    def order(self, algorithms: tuple[str, ...]) -> tuple[str, ...]:
        """Host key algorithms in the order in which ssh asks for them: recorded types first.

        Source: order_hostkeyalgs in sshconnect2.c of OpenSSH 9.2.
        """
        ordered = tuple(sorted(algorithms, key=lambda name: not name.endswith(CERTIFICATE)))
        types = set(recorded_types(self.lines, self.name))
        has_authority = any(
            line.marker == AUTHORITY and matches(line.patterns, self.name) for line in self.lines
        )
        if not ordered or plain_type(ordered[0]) in types:
            return ordered
        first = [
            name
            for name in ordered
            if plain_type(name) in types or (has_authority and name.endswith(CERTIFICATE))
        ]
        return (*first, *(name for name in ordered if name not in first))

    def _judge_as(self, name: str, key: HostKey) -> KeyVerdict:
        if key.blob in self.revoked:
            return KeyVerdict.REVOKED
        lines = [line for line in self.lines if matches(line.patterns, name)]
        if key.certificate:
            found = read_certificate(key.certificate)
            if self._is_revoked(lines, found.authority) or self._is_revoked(lines, key.blob):
                return KeyVerdict.REVOKED
            vouched = any(x.marker == AUTHORITY and x.key == found.authority for x in lines)
            if vouched and found.why_invalid(self.plain_name or name) == "":
                return KeyVerdict.TRUSTED
        return judge(lines, name, key.key_type, key.blob)

    def _is_revoked(self, lines: Iterable[KnownHostLine], key: bytes) -> bool:
        return key in self.revoked or any(x.marker == REVOKED and x.key == key for x in lines)


def judge(lines: Iterable[KnownHostLine], name: str, key_type: str, key: bytes) -> KeyVerdict:
    """The verdict on a plain key of a host.

    A revoked key is refused whatever else matches. A host with recorded keys, none of which is
    this one, has changed; certificate authorities do not vouch for plain keys.
    """
    verdict = KeyVerdict.UNKNOWN
    for line in lines:
        if not matches(line.patterns, name):
            continue
        same = line.key_type == key_type and hmac.compare_digest(line.key, key)
        if line.marker == REVOKED:
            if same:
                return KeyVerdict.REVOKED
        elif line.marker == "":
            if same:
                verdict = KeyVerdict.TRUSTED
            elif verdict is KeyVerdict.UNKNOWN:
                verdict = KeyVerdict.CHANGED
    return verdict


def recorded_types(lines: Iterable[KnownHostLine], name: str) -> tuple[str, ...]:
    """Key types recorded for a host, so that the server is asked for one of them."""
    found = [x.key_type for x in lines if not x.marker and matches(x.patterns, name)]
    return tuple(dict.fromkeys(found))


def plain_type(algorithm: str) -> str:
    """The key type behind a host key algorithm: without certificate and hash.

    Example:
        >>> plain_type("rsa-sha2-512-cert-v01@openssh.com")
        'ssh-rsa'
    """
    name = algorithm.removesuffix(CERTIFICATE)
    return "ssh-rsa" if name.startswith("rsa-sha2-") else name


def read_known_hosts(paths: Iterable[Path]) -> tuple[KnownHostLine, ...]:
    """All usable lines of the files; damaged lines are passed over as ssh does."""
    found: list[KnownHostLine] = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        found.extend(parse_known_hosts(text))
    return tuple(found)


def read_revoked_keys(path: Path) -> tuple[bytes, ...]:
    """Keys of a RevokedHostKeys file in text form.

    Raises:
        ConfigError: it cannot be read, or is a binary revocation list; both refuse every host.
    """
    try:
        data = path.read_bytes()
    except OSError as err:
        raise ConfigError(f"RevokedHostKeys {path} cannot be read: {err.strerror}") from err
    if data.startswith(b"SSHKRL"):
        raise ConfigError(
            f"RevokedHostKeys {path} is a binary list, which edgekit does not read",
            hint="name a file with one public key per line",
        )
    found = []
    for line in data.decode("utf-8", "replace").splitlines():
        words = line.split()
        if len(words) >= 2 and not words[0].startswith("#"):
            found.append(base64.b64decode(words[1]))
    return tuple(found)


def parse_known_hosts(text: str) -> Iterator[KnownHostLine]:
    """Usable lines of a file's text."""
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        marker = words.pop(0) if words[0].startswith("@") else ""
        if marker not in ("", REVOKED, AUTHORITY) or len(words) < 3:
            continue
        try:
            key = base64.b64decode(words[2], validate=True)
        except ValueError:  # binascii.Error is one
            continue
        if _inner_type(key) == words[1]:
            yield KnownHostLine(marker, tuple(words[0].split(",")), words[1], key)


def record_key(path: Path, name: str, key_type: str, key: bytes) -> None:
    """Adds a line; every other line of the file stays as it is."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if old and not old.endswith("\n"):
        old += "\n"
    write_atomically(
        path, f"{old}{name} {key_type} {base64.b64encode(key).decode()}\n", mode=0o600
    )
    os.chmod(path, 0o600)


def _inner_type(key: bytes) -> str:
    length = int.from_bytes(key[:4], "big")
    return key[4 : 4 + length].decode("ascii", "replace") if len(key) > 4 + length else ""


def matches(patterns: tuple[str, ...], name: str) -> bool:
    """True when the names of a line mean a host: one matches, no negated one does."""
    if patterns and patterns[0].startswith("|"):  # a hashed line means one name
        return len(patterns) == 1 and _matches_hash(patterns[0], name)
    return matches_list((pattern.lower() for pattern in patterns), name.lower())


def _matches_hash(pattern: str, name: str) -> bool:
    parts = pattern.split("|")
    if len(parts) != 4 or parts[1] != "1":
        return False
    try:
        salt, wanted = (base64.b64decode(part, validate=True) for part in parts[2:])
    except ValueError:
        return False
    found = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return hmac.compare_digest(found, wanted)
