"""Judges a server's host key against known_hosts files as ``ssh`` with strict checking does.

paramiko's own reader refuses whole files because of one odd line and does not know wildcards,
negations, revoked keys or two keys of one type; see docs/adr/0003-ssh-and-host-keys.md.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from edgekit.core.record import write_atomically


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


def judge(lines: Iterable[KnownHostLine], name: str, key_type: str, key: bytes) -> KeyVerdict:
    """The verdict on a key of a host.

    A revoked key is refused whatever else matches. A host with recorded keys, none of which is
    this one, has changed; certificate authorities do not vouch for plain keys.
    """
    verdict = KeyVerdict.UNKNOWN
    for line in lines:
        if not _matches(line.patterns, name):
            continue
        same = line.key_type == key_type and hmac.compare_digest(line.key, key)
        if line.marker == "@revoked":
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
    found = [x.key_type for x in lines if not x.marker and _matches(x.patterns, name)]
    return tuple(dict.fromkeys(found))


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


def parse_known_hosts(text: str) -> Iterator[KnownHostLine]:
    """Usable lines of a file's text."""
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        marker = words.pop(0) if words[0].startswith("@") else ""
        if marker not in ("", "@revoked", "@cert-authority") or len(words) < 3:
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
    write_atomically(path, f"{old}{name} {key_type} {base64.b64encode(key).decode()}\n")
    os.chmod(path, 0o600)


def _inner_type(key: bytes) -> str:
    length = int.from_bytes(key[:4], "big")
    return key[4 : 4 + length].decode("ascii", "replace") if len(key) > 4 + length else ""


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    matched = False
    for pattern in patterns:
        if pattern.startswith("|"):
            matched = matched or _matches_hash(pattern, name)
            continue
        negated = pattern.startswith("!")
        bare = pattern.removeprefix("!").lower()
        if fnmatch.fnmatchcase(name.lower(), bare.replace("[", "[[]")):
            if negated:
                return False
            matched = True
    return matched


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
