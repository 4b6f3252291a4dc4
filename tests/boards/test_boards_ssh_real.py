"""The SSH transport against a real OpenSSH server: shells, jumps, faults, files, credentials."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import need_or_skip
from edgekit.boards.transports import open_transport
from edgekit.boards.transports.ssh import SshTransport
from edgekit.core.errors import (
    AuthRefused,
    BoardError,
    BoardTimeout,
    CommandFailed,
    ConfigError,
    DiskFull,
    HostKeyUnknown,
    Unreachable,
)
from edgekit.networks.catalog import load_network
from edgekit.networks.link import LinkFaults, ShapingLink
from edgekit.toolenvs.child import Child
from sshd import Sshd, make_key, need_sshd, public

pytestmark = pytest.mark.e2e

HOSTILE = (
    "plain",
    "with space",
    "quote'quote",
    'double"double',
    "$HOME",
    "`id`",
    "$(id)",
    "a;b",
    "a&&b",
    "a|b",
    "a>b",
    "!history",
    "!!",
    "back\\slash",
    "new\nline",
    "tab\there",
    "-rf",
    "*",
    "~",
    "#comment",
    "{a,b}",
    "%s",
    "ümlaut",
    "",
    "'\n\"",
    "\x1b[31m",
)
SHELLS = ("sh", "bash", "dash", "fish", "tcsh")
NOISE = {
    "bash": (".bashrc", "echo noise; echo noise >&2; alias printf=false; cd /\n"),
    "fish": (".config/fish/config.fish", "echo noise; echo noise >&2; cd /\n"),
    "tcsh": (".tcshrc", "echo noise\nalias printf false\ncd /\n"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    need_sshd()
    with Sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A server that has no SFTP."""
    need_sshd()
    with Sshd(tmp_path_factory.mktemp("bare"), has_sftp=False) as running:
        yield running


def link_to(server: Sshd, faults: LinkFaults | None = None) -> ShapingLink:
    network = load_network("loopback")
    return ShapingLink(network, "127.0.0.1", server.port, faults=faults or LinkFaults())


def known_at(server: Sshd, port: int, folder: Path) -> str:
    """The server recorded under another port."""
    path = folder / f"known-{port}"
    path.write_text(f"[127.0.0.1]:{port} {public(server.host_key('ed25519'))}\n")
    return str(path)


@pytest.mark.parametrize("shell", SHELLS)
def test_no_word_passes_the_login_shell(shell: str, tmp_path: Path) -> None:
    need_sshd()
    need_or_skip(shutil.which(shell) is not None, f"{shell} is not installed")
    home = tmp_path / "home of o'brien $x"
    home.mkdir()
    if shell in NOISE:
        name, text = NOISE[shell]
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    wrapper = tmp_path / "login"
    clean = "env -u SHLVL -u BASH_ENV SSH_CLIENT=x"
    wrapper.write_text(
        f'#!/bin/sh\nexport HOME="{str(home).replace("$", chr(92) + "$")}"\n'
        f'exec {clean} {shell} -c "$SSH_ORIGINAL_COMMAND"\n'
    )
    wrapper.chmod(0o755)
    settings = (f"ForceCommand {wrapper}",)
    with (
        Sshd(tmp_path / "sshd", has_sftp=False, settings=settings) as server,
        open_transport(server.entry()) as transport,
    ):
        show = "import sys, json; json.dump(sys.argv[1:], sys.stdout)"
        done = transport.run([sys.executable, "-I", "-c", show, *HOSTILE], stdin=b"unread")
        assert done.code == 0, done.stderr
        import json

        assert json.loads(done.stdout) == list(HOSTILE)
        assert done.stderr == b""
        assert transport.home == str(home)
        for name in ("quote'quote $HOME", "!!", "new\nline", "-rf *"):
            path = f"{transport.home}/{name}"
            transport.put(name.encode(), path)
            assert (home / name).read_bytes() == name.encode()
            assert transport.get(path) == name.encode()


def test_a_login_that_runs_nothing_is_said(tmp_path: Path) -> None:
    need_sshd()
    settings = ("ForceCommand echo 'This account is not available'; exit 1",)
    with (
        Sshd(tmp_path, settings=settings) as server,
        open_transport(server.entry()) as transport,
        pytest.raises(CommandFailed, match="not available"),
    ):
        transport.run(["true"])


@pytest.mark.parametrize("kind", ["server", "bare"])
def test_files_of_every_size(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    running: Sshd = request.getfixturevalue(kind)
    block = bytes(range(256)) * 400
    with open_transport(running.entry()) as transport:
        for size in (0, 1, 31_999, 32_000, 32_001, 65_000, 300_000, 9_000_000):
            data = (block * (size // len(block) + 1))[:size]
            seen: list[int] = []
            path = tmp_path / "file"
            transport.put(data, str(path), on_bytes=seen.append)
            assert path.read_bytes() == data
            assert sum(seen) == size
            assert transport.get(str(path)) == data
        source = tmp_path / "source"
        source.write_bytes(data)
        path.write_bytes(data[:1000] + b"too much")
        transport.put(source, str(path), offset_bytes=1000)
        assert path.read_bytes() == data
        path.write_bytes(b"longer than before" * 1000)
        transport.put(b"short", str(path))
        assert path.read_bytes() == b"short"
        with pytest.raises(BoardError, match=r"cannot be written|no such file"):
            transport.put(b"x", str(tmp_path / "none" / "file"))
        with pytest.raises(BoardError):
            transport.get(str(tmp_path / "none"))
        with pytest.raises(ConfigError):
            transport.put(tmp_path / "no source", str(path))
        assert transport.run(["echo", "alive"]).stdout == b"alive\n"


@pytest.mark.parametrize("kind", ["server", "bare"])
def test_a_full_disk_is_told(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    running: Sshd = request.getfixturevalue(kind)
    mount = tmp_path / "small"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k,nr_inodes=4", "none", str(mount)]
    made = os.geteuid() == 0 and subprocess.run(command, check=False).returncode == 0
    need_or_skip(made, "a small file system cannot be mounted")
    try:
        with open_transport(running.entry()) as transport:
            with pytest.raises(DiskFull):
                transport.put(bytes(2_000_000), str(mount / "large"))
            (mount / "large").unlink()
            for i in range(3):
                transport.put(b"", str(mount / str(i)))
            with pytest.raises(DiskFull):
                transport.put(b"", str(mount / "one more"))
            assert transport.run(["echo", "alive"]).stdout == b"alive\n"
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def test_much_in_and_much_out_at_once(server: Sshd) -> None:
    data = os.urandom(6_000_000)
    with open_transport(server.entry()) as transport:
        assert transport.run(["cat"], stdin=data).stdout == data
        assert transport.run(["true"], stdin=data).code == 0
        with pytest.raises(BoardTimeout):
            transport.run(["yes"], timeout_s=0.3)
        assert transport.run(["echo", "alive"]).stdout == b"alive\n"


@pytest.mark.parametrize("kind", ["server", "bare"])
def test_a_stalled_link_is_given_up(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    running: Sshd = request.getfixturevalue(kind)
    with link_to(running, LinkFaults(stall_after_bytes=3_000_000)) as link:
        entry = running.entry(port=link.port, known_hosts=known_at(running, link.port, tmp_path))
        transport = SshTransport(entry)
        transport.stall_timeout_s = 1.0
        with pytest.raises(BoardTimeout, match="stalled"):
            transport.put(bytes(40_000_000), str(tmp_path / "file"))
        with pytest.raises(BoardError):
            transport.run(["true"], timeout_s=1)
        transport.close()


def test_a_silent_server_is_given_up(tmp_path: Path, server: Sshd) -> None:
    with link_to(server, LinkFaults(stall_after_bytes=1)) as link:
        entry = server.entry(port=link.port, connect_timeout_s=1.0)
        with pytest.raises(BoardTimeout):
            open_transport(entry)


@pytest.mark.parametrize("kind", ["server", "bare"])
def test_a_cut_transfer_goes_on_where_it_was(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    running: Sshd = request.getfixturevalue(kind)
    source = tmp_path / "source"
    data = os.urandom(12_000_000)
    source.write_bytes(data)
    path = tmp_path / "file"
    with link_to(running, LinkFaults(cut_after_bytes=5_000_000)) as link:
        entry = running.entry(port=link.port, known_hosts=known_at(running, link.port, tmp_path))
        with open_transport(entry) as transport, pytest.raises(Unreachable):
            transport.put(source, str(path))
    arrived = path.stat().st_size
    assert 1_000_000 < arrived < len(data)
    with open_transport(running.entry()) as transport:
        seen: list[int] = []
        arrived = path.stat().st_size
        transport.put(source, str(path), offset_bytes=arrived, on_bytes=seen.append)
        assert sum(seen) == len(data) - arrived
    assert path.read_bytes() == data


def test_through_two_jump_hosts(isolated_home: Path, tmp_path: Path, server: Sshd) -> None:
    (isolated_home / ".ssh").mkdir()
    with Sshd(tmp_path / "a") as a, Sshd(tmp_path / "b") as b:
        known = "".join(one.known_hosts.read_text() for one in (a, b, server))
        (isolated_home / ".ssh" / "known_hosts").write_text(known)
        (isolated_home / ".ssh" / "config").write_text(
            f"Host gate\n HostName 127.0.0.1\n Port {a.port}\n IdentityFile {a.client_key}\n"
            f"Host inner\n HostName 127.0.0.1\n Port {b.port}\n IdentityFile {b.client_key}\n"
            f"Host board\n HostName 127.0.0.1\n Port {server.port}\n ProxyJump gate,inner\n"
            f" IdentityFile {server.client_key}\n"
        )
        entry = server.entry(host="board", port=22, known_hosts="", identity_file="")
        with open_transport(entry) as transport:
            done = transport.run(["sh", "-c", "echo $SSH_CONNECTION"])
            assert done.stdout.split()[-1] == str(server.port).encode()
            transport.put(bytes(3_000_000), str(tmp_path / "file"))
            assert (tmp_path / "file").stat().st_size == 3_000_000
        (isolated_home / ".ssh" / "known_hosts").write_text(a.known_hosts.read_text())
        with pytest.raises(HostKeyUnknown, match="jump host inner"):
            open_transport(entry)


def test_a_busy_server_is_asked_again(tmp_path: Path) -> None:
    need_sshd()
    with Sshd(tmp_path, settings=("MaxStartups 2:60:4",)) as server:
        codes: list[int] = []

        def visit() -> None:
            with open_transport(server.entry()) as transport:
                codes.append(transport.run(["true"]).code)

        threads = [threading.Thread(target=visit) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert codes == [0] * 10


def test_an_encrypted_key_asks_only_a_person(
    server: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(tmp_path / "key", passphrase="open sesame")
    keys = server.folder / "authorized_keys"
    keys.write_text(keys.read_text() + public(key) + "\n")
    entry = server.entry(identity_file=str(key))
    with pytest.raises(AuthRefused):
        open_transport(entry)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "open sesame")
    with open_transport(entry) as transport:
        assert transport.run(["true"]).code == 0


def test_keys_of_an_agent(
    server: Sshd, isolated_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_or_skip(shutil.which("ssh-agent") is not None, "ssh-agent is not installed")
    socket_path = tmp_path / "agent"
    agent = subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(socket_path)], stdout=subprocess.DEVNULL
    )
    try:
        while not socket_path.exists():
            assert agent.poll() is None
        environment = os.environ | {"SSH_AUTH_SOCK": str(socket_path)}
        add = ["ssh-add", "-q", str(server.client_key)]
        while subprocess.run(add, env=environment, check=False, capture_output=True).returncode:
            assert agent.poll() is None
        entry = server.entry(identity_file="")
        with pytest.raises(AuthRefused):
            open_transport(entry)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket_path))
        with open_transport(entry) as transport:
            assert transport.run(["true"]).code == 0
        monkeypatch.delenv("SSH_AUTH_SOCK")
        (isolated_home / ".ssh").mkdir()
        config = isolated_home / ".ssh" / "config"
        config.write_text(f"IdentityAgent {socket_path}\nIdentitiesOnly yes\n")
        with pytest.raises(AuthRefused):
            open_transport(entry)
        shutil.copy(f"{server.client_key}.pub", tmp_path / "one.pub")
        config.write_text(config.read_text() + f"IdentityFile {tmp_path}/one\n")
        with open_transport(entry) as transport:
            assert transport.run(["true"]).code == 0
    finally:
        agent.terminate()
        agent.wait()


def test_a_password_comes_from_a_file_or_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Sshd
) -> None:
    key = make_key(tmp_path / "host_key")
    argv = [sys.executable, str(Path(__file__).parents[1] / "fakes" / "password_server.py")]
    log = tmp_path / "log"
    child = Child([*argv, str(key)], name="server", log=log, timeout_s=20, error=BoardError)
    try:
        known = tmp_path / "known"
        known.write_text(f"[127.0.0.1]:{child.port} {public(key)}\n")
        secret = tmp_path / "secret"
        secret.write_text("s3cret\n")
        fields = {"port": child.port, "known_hosts": str(known), "identity_file": ""}
        secret.chmod(0o644)
        entry = server.entry(**fields, password_file=str(secret))
        with pytest.raises(ConfigError, match="read by others"):
            open_transport(entry)
        secret.chmod(0o600)
        with open_transport(entry) as transport:
            assert transport.run(["true"]).code == 0
        entry = server.entry(**fields)
        with pytest.raises(AuthRefused) as caught:
            open_transport(entry)
        assert "s3cret" not in str(caught.value.details)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("getpass.getpass", lambda prompt: "s3cret")
        with open_transport(entry) as transport:
            assert transport.run(["true"]).code == 0
        monkeypatch.setattr("getpass.getpass", lambda prompt: "wrong")
        with pytest.raises(AuthRefused):
            open_transport(entry)
    finally:
        child.close()
