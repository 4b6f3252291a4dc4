"""The verdict on a host key is that of ``ssh -o StrictHostKeyChecking=yes``."""

from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.boards.host_keys import KeyVerdict
from edgekit.boards.ssh.connection import connect_to, host_key, known_hosts_of
from edgekit.boards.ssh.target import find_target
from sshd import Sshd, make_key, need_sshd, public

pytestmark = [pytest.mark.slow, pytest.mark.e2e]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two authorities, and keys that no server has."""
    need_sshd()
    folder = tmp_path_factory.mktemp("keys")
    for name in ("authority", "rsa_authority", "other", "other_ecdsa"):
        kind = {"rsa_authority": "rsa", "other_ecdsa": "ecdsa"}.get(name, "ed25519")
        make_key(folder / name, kind)
    return folder


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server with one key of each type."""
    need_sshd()
    folder = tmp_path_factory.mktemp("plain")
    with Sshd(folder, key_types=("ed25519", "ecdsa", "rsa")) as server:
        yield server


def certify(server: Path, authority: Path, *options: str) -> Path:
    """Makes ``server-cert.pub``."""
    command = ["ssh-keygen", "-q", "-s", str(authority), "-h", "-I", "board", *options]
    subprocess.run([*command, f"{server}.pub"], check=True, stdin=subprocess.DEVNULL)
    return Path(f"{server}-cert.pub")


def by_ssh(server: Sshd, known_hosts: Path, host: str = "127.0.0.1") -> KeyVerdict:
    settings = {
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "UserKnownHostsFile": str(known_hosts),
        "GlobalKnownHostsFile": "/dev/null",
        "PreferredAuthentications": "none",
        "LogLevel": "INFO",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    done = subprocess.run(
        ["ssh", "-F", "/dev/null", *options, "-p", str(server.port), host, "true"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if "Permission denied" in done.stderr:
        return KeyVerdict.TRUSTED
    if "REVOKED" in done.stderr or "revoked" in done.stderr:
        return KeyVerdict.REVOKED
    if "IDENTIFICATION HAS CHANGED" in done.stderr:
        return KeyVerdict.CHANGED
    assert "host key is known" in done.stderr, done.stderr
    return KeyVerdict.UNKNOWN


def by_us(server: Sshd, known_hosts: Path, host: str = "127.0.0.1") -> KeyVerdict:
    target = find_target(server.entry(host=host, known_hosts=str(known_hosts)))
    connection = connect_to(target)
    try:
        return known_hosts_of(target).judge(host_key(connection.transport))
    finally:
        connection.close()


def hashed(name: str) -> str:
    salt = b"s" * 20
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


CASES = {
    "nothing": "",
    "plain": "{name} {ed25519}",
    "comment, tabs, blanks": "# x\n\n \t{name}\t{ed25519}\tby me\n",
    "only ecdsa": "{name} {ecdsa}",
    "only rsa": "{name} {rsa}",
    "all types": "{name} {rsa}\n{name} {ecdsa}\n{name} {ed25519}",
    "wrong ed25519, right ecdsa": "{name} {other}\n{name} {ecdsa}",
    "right ecdsa, wrong ed25519": "{name} {ecdsa}\n{name} {other}",
    "wrong ecdsa, right rsa": "{name} {other_ecdsa}\n{name} {rsa}",
    "wrong": "{name} {other}",
    "wrong, then right": "{name} {other}\n{name} {ed25519}",
    "right, then wrong": "{name} {ed25519}\n{name} {other}",
    "twice": "{name} {ed25519}\n{name} {ed25519}",
    "another host": "[127.0.0.2]:{port} {ed25519}",
    "another port": "[127.0.0.1]:1 {ed25519}",
    "bare host": "127.0.0.1 {ed25519}",
    "bare host, wrong key": "127.0.0.1 {other}",
    "bare host right, port wrong": "127.0.0.1 {ed25519}\n{name} {other}",
    "bare host hashed": "{hashed_bare} {ed25519}",
    "list": "a,{name},b {ed25519}",
    "wildcard": "*:{port} {ed25519}",
    "star": "* {ed25519}",
    "question": "[127.0.0.?]:{port} {ed25519}",
    "class is no pattern": "[127.0.0.[1-9]]:{port} {ed25519}",
    "negated": "*,!{name} {ed25519}",
    "negated first": "!{name},* {ed25519}",
    "negated other": "*,!x {ed25519}",
    "only negated": "!x {ed25519}",
    "hashed": "{hashed} {ed25519}",
    "hashed wrong": "{hashed} {other}",
    "hashed list": "{hashed},{name} {ed25519}",
    "hashed broken": "|1|AAAA {ed25519}\n|2|a|b {ed25519}",
    "revoked": "@revoked * {ed25519}",
    "revoked after": "{name} {ed25519}\n@revoked {name} {ed25519}",
    "revoked other key": "{name} {ed25519}\n@revoked {name} {other}",
    "revoked for another host": "{name} {ed25519}\n@revoked x {ed25519}",
    "revoked alone, other key": "@revoked {name} {other}",
    "authority is no key": "@cert-authority {name} {ed25519}",
    "authority of nothing": "@cert-authority {name} {authority}",
    "unknown marker": "@nonsense {name} {ed25519}",
    "no key": "{name}\n{name} ssh-ed25519\n",
    "no key, then right": "{name}\n{name} ssh-ed25519\n{name} {ed25519}",
    "garbage": "\x00\x01\n%%%\n=====\n{name} {ed25519}",
    "not base64": "{name} ssh-ed25519 !!!!\n{name} {ed25519}",
    "short key": "{name} ssh-ed25519 AAAA\n{name} {ed25519}",
    "short key alone": "{name} ssh-ed25519 AAAA",
    "wrong type word": "{name} ssh-rsa {ed25519_base64}",
    "unknown type": "{name} ssh-foo {ed25519_base64}",
    "no newline at the end": "{name} {other}x\n{name} {ed25519}",
    "long line": "{long} {ed25519}\n{name} {ed25519}",
    "carriage returns": "{name} {ed25519}\r\n",
    "two keys on a line": "{name} {other} {ed25519}",
    "empty name in list": ",{name} {ed25519}",
    "quotes": '"{name}" {ed25519}',
}


def fill(text: str, server: Sshd, keys: Path) -> str:
    name = f"[127.0.0.1]:{server.port}"
    words = {kind: public(server.host_key(kind)) for kind in server.key_types}
    words |= {k: public(keys / k) for k in ("other", "other_ecdsa", "authority", "rsa_authority")}
    words |= {"name": name, "port": str(server.port), "hashed": hashed(name)}
    words |= {"hashed_bare": hashed("127.0.0.1"), "long": ",".join(["x" * 200] * 60)}
    words["ed25519_base64"] = words["ed25519"].split()[1]
    for word, value in words.items():
        text = text.replace("{" + word + "}", value)
    return text


def test_every_kind_of_line(plain: Sshd, keys: Path, tmp_path: Path) -> None:
    known_hosts = tmp_path / "known_hosts"
    differences = {}
    seen = set()
    for name, text in CASES.items():
        known_hosts.write_bytes(fill(text, plain, keys).encode())
        theirs, ours = by_ssh(plain, known_hosts), by_us(plain, known_hosts)
        seen.add(theirs)
        if theirs != ours:
            differences[name] = f"ssh: {theirs}, edgekit: {ours}"
    assert differences == {}
    assert seen == set(KeyVerdict)


CERTIFICATES = {
    "valid": (),
    "no name": (),
    "another name": ("-n", "elsewhere"),
    "wildcard name": ("-n", "127.0.*"),
    "expired": ("-n", "127.0.0.1", "-V", "20200101:20210101"),
    "not yet": ("-n", "127.0.0.1", "-V", "20400101:20410101"),
    "option": ("-n", "127.0.0.1", "-O", "critical:x=y"),
}
LINES = {
    "authority": "@cert-authority {name} {authority}",
    "authority, bare": "@cert-authority 127.0.0.* {authority}",
    "authority, then wrong key": "@cert-authority * {authority}\n{name} {other}",
    "authority revoked": "@cert-authority * {authority}\n@revoked * {authority}",
    "key revoked": "@cert-authority * {authority}\n@revoked * {ed25519}",
    "other authority": "@cert-authority * {rsa_authority}",
    "authority elsewhere": "@cert-authority elsewhere {authority}",
    "plain key": "{name} {ed25519}",
    "both": "{name} {ed25519}\n@cert-authority * {rsa_authority}",
    "nothing": "",
}


@pytest.mark.parametrize("name", CERTIFICATES)
def test_certificates(name: str, keys: Path, tmp_path: Path) -> None:
    options = CERTIFICATES[name] or (() if name == "no name" else ("-n", "127.0.0.1"))
    folder = tmp_path / "server"
    folder.mkdir()
    certificate = certify(make_key(folder / "host_ed25519"), keys / "authority", *options)
    known_hosts, differences = tmp_path / "known_hosts", {}
    with Sshd(folder, certificates=(str(certificate),)) as server:
        for line, text in LINES.items():
            known_hosts.write_text(fill(text, server, keys))
            theirs, ours = by_ssh(server, known_hosts), by_us(server, known_hosts)
            if theirs != ours:
                differences[line] = f"ssh: {theirs}, edgekit: {ours}"
    assert differences == {}
