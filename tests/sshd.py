"""A private OpenSSH server on loopback, for tests; the user of the tests logs in there."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from conftest import need_or_skip
from edgekit.core.board import BoardEntry

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or ""
KEY_TYPES = ("ed25519", "ecdsa", "rsa")


def need_sshd() -> None:
    """Skips where there is no OpenSSH."""
    need_or_skip(bool(SSHD and shutil.which("ssh-keygen")), "openssh-server is not installed")


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    """A new key pair."""
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", path.name, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def public(path: Path) -> str:
    """``type base64`` of a key."""
    return " ".join(Path(f"{path}.pub").read_text(encoding="utf-8").split()[:2])


@dataclass
class Sshd:
    """Runs while the block lasts."""

    folder: Path
    has_sftp: bool = True
    settings: tuple[str, ...] = ()
    key_types: tuple[str, ...] = ("ed25519",)
    certificates: tuple[str, ...] = ()
    has_own_home: bool = True
    """Start-up files of the user are not the tests'."""
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        self.home.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        for kind in self.key_types:
            if not self.host_key(kind).exists():
                make_key(self.host_key(kind), kind)
        if not self.client_key.exists():
            make_key(self.client_key)
        keys = self.folder / "authorized_keys"
        keys.write_text(public(self.client_key) + "\n", encoding="utf-8")
        self.port = self.port or free_port()
        self._start()
        self.known_hosts.write_text(
            "".join(
                f"[127.0.0.1]:{self.port} {public(self.host_key(k))}\n" for k in self.key_types
            ),
            encoding="utf-8",
        )
        return self

    def __exit__(self, *details: object) -> None:
        assert self.process
        self.process.terminate()
        self.process.wait()

    @property
    def home(self) -> Path:
        """Where commands begin."""
        return self.folder / "home"

    @property
    def client_key(self) -> Path:
        """The key that may log in."""
        return self.folder / "client"

    @property
    def known_hosts(self) -> Path:
        """A file in which the server is recorded."""
        return self.folder / "known_hosts"

    def host_key(self, kind: str) -> Path:
        """A host key of the server."""
        return self.folder / f"host_{kind}"

    def entry(self, **fields: object) -> BoardEntry:
        """The server as a board."""
        usual: dict[str, object] = {
            "name": "real",
            "profile": "generic-x86-64",
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "identity_file": str(self.client_key),
            "known_hosts": str(self.known_hosts),
            "stand_in": True,
        }
        return BoardEntry(**(usual | fields))  # type: ignore[arg-type]  # tests name the fields

    def _start(self) -> None:
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            *(f"HostKey {self.host_key(kind)}" for kind in self.key_types),
            *(f"HostCertificate {path}" for path in self.certificates),
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}",
            "PidFile none",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            *([f"SetEnv HOME={self.home}"] if self.has_own_home else []),
            *self.settings,
            *(["Subsystem sftp internal-sftp"] if self.has_sftp else []),
        ]
        config = self.folder / "sshd_config"
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        log = self.folder / "log"
        with open(log, "wb") as stream:
            self.process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stderr=stream
            )
        self._wait()

    def _wait(self) -> None:
        assert self.process
        while self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
        raise AssertionError((self.folder / "log").read_text(encoding="utf-8"))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
