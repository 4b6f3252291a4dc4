"""known_hosts as ssh reads it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.boards.host_keys import (
    KeyVerdict,
    fingerprint,
    host_pattern,
    judge,
    parse_known_hosts,
    read_known_hosts,
    record_key,
    recorded_types,
)


def key(kind: str, seed: bytes) -> bytes:
    return len(kind).to_bytes(4, "big") + kind.encode() + len(seed).to_bytes(4, "big") + seed


ED = key("ssh-ed25519", b"a" * 32)
OTHER = key("ssh-ed25519", b"b" * 32)
EC = key("ecdsa-sha2-nistp256", b"c" * 65)


def line(patterns: str, blob: bytes, marker: str = "") -> str:
    kind = blob[4 : 4 + int.from_bytes(blob[:4], "big")].decode()
    return f"{marker} {patterns} {kind} {base64.b64encode(blob).decode()}".strip()


def verdict(text: str, name: str = "pi", blob: bytes = ED) -> KeyVerdict:
    kind = blob[4 : 4 + int.from_bytes(blob[:4], "big")].decode()
    return judge(tuple(parse_known_hosts(text)), name, kind, blob)


def hashed(name: str) -> str:
    salt = b"s" * 20
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", KeyVerdict.UNKNOWN),
        (line("pi", ED), KeyVerdict.TRUSTED),
        (line("PI", ED), KeyVerdict.TRUSTED),
        (line("pj", ED), KeyVerdict.UNKNOWN),
        (line("pi", OTHER), KeyVerdict.CHANGED),
        (line("pi", EC), KeyVerdict.CHANGED),
        (line("pi", OTHER) + "\n" + line("pi", ED), KeyVerdict.TRUSTED),
        (line("p*", ED), KeyVerdict.TRUSTED),
        (line("p?", ED), KeyVerdict.TRUSTED),
        (line("p*,!pi", ED), KeyVerdict.UNKNOWN),
        (line(hashed("pi"), ED), KeyVerdict.TRUSTED),
        (line(hashed("pj"), ED), KeyVerdict.UNKNOWN),
        (line("pi", ED, "@revoked") + "\n" + line("pi", ED), KeyVerdict.REVOKED),
        (line("*", ED, "@revoked"), KeyVerdict.REVOKED),
        (line("pi", ED, "@cert-authority"), KeyVerdict.UNKNOWN),
        ("garbage\n# note\n\x00\n" + line("pi", ED), KeyVerdict.TRUSTED),
        ("pi ssh-ed25519 AAAA\n", KeyVerdict.UNKNOWN),
    ],
)
def test_verdicts(text: str, expected: KeyVerdict) -> None:
    assert verdict(text) == expected


def test_another_port_is_another_name() -> None:
    assert host_pattern("pi", 22) == "pi"
    assert verdict(line("[pi]:2222", ED), host_pattern("pi", 2222)) == KeyVerdict.TRUSTED
    assert verdict(line("pi", ED), host_pattern("pi", 2222)) == KeyVerdict.UNKNOWN


def test_recording_keeps_every_other_line(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    before = "# mine\n" + line("old", OTHER, "@revoked") + "\ngarbage"
    path.write_text(before)
    record_key(path, "pi", "ssh-ed25519", ED)
    assert path.read_text().startswith(before + "\n")
    assert judge(read_known_hosts([path]), "pi", "ssh-ed25519", ED) == KeyVerdict.TRUSTED
    assert path.stat().st_mode & 0o777 == 0o600


def test_recorded_types_decide_what_the_server_is_asked_for() -> None:
    lines = tuple(parse_known_hosts(line("pi", EC) + "\n" + line("pi", ED)))
    assert recorded_types(lines, "pi") == ("ecdsa-sha2-nistp256", "ssh-ed25519")


def test_the_fingerprint_is_what_ssh_keygen_prints() -> None:
    digest = base64.b64encode(hashlib.sha256(ED).digest()).decode().rstrip("=")
    assert fingerprint(ED) == f"SHA256:{digest}"


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    tuple(parse_known_hosts(text))
