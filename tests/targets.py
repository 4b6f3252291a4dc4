"""Many boards behind one OpenSSH server: each key leads to a home of its own."""

from __future__ import annotations

import getpass
import socket
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from sshd import Sshd


class Targets:
    """Runs while the block lasts; some of the boards accept connections and say nothing."""

    def __init__(
        self,
        folder: Path,
        count: int,
        *,
        silent: int = 0,
        settings: tuple[str, ...] = (),
        first: int = 0,
    ) -> None:
        self.folder = folder
        self.count = count
        self.silent = silent
        self.first = first
        allow = ("PermitUserEnvironment yes", *settings)
        self.server = Sshd(folder / "sshd", settings=allow, has_own_home=False)
        self.mute: socket.socket | None = None

    @property
    def inventory(self) -> Path:
        """A file of all boards; the silent ones are spread among them."""
        return self.folder / "lab.toml"

    def home(self, number: int) -> Path:
        """Where the commands of a board begin."""
        return self.folder / "homes" / str(number)

    def key(self, number: int) -> Path:
        """The key that logs in to a board."""
        return self.folder / "keys" / str(number)

    def name(self, number: int) -> str:
        """A board's name."""
        return f"board-{self.first + number:04d}"

    def is_silent(self, number: int) -> bool:
        """True for boards that never answer."""
        if not self.silent:
            return False
        step = self.count // self.silent
        return number % step == step - 1 and number // step < self.silent

    def __enter__(self) -> Self:
        self.server.__enter__()
        (self.folder / "keys").mkdir()
        lines = [self._authorize(number) for number in range(self.count)]
        (self.server.folder / "authorized_keys").write_text("".join(lines), encoding="utf-8")
        self.mute = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.inventory.write_text(
            "\n".join(self._table(number) for number in range(self.count)), encoding="utf-8"
        )
        return self

    def __exit__(self, *details: object) -> None:
        if self.mute is not None:
            self.mute.close()
        self.server.__exit__(*details)

    def _authorize(self, number: int) -> str:
        self.home(number).mkdir(parents=True)
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        self.key(number).write_bytes(private)
        self.key(number).chmod(0o600)
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        return f'environment="HOME={self.home(number)}" {public}\n'

    def _table(self, number: int) -> str:
        assert self.mute is not None
        is_silent = self.is_silent(number)
        port = self.mute.getsockname()[1] if is_silent else self.server.port
        tag = "kitchen" if number % 2 else "hall"
        return (
            f'[[boards]]\nname = "{self.name(number)}"\nprofile = "generic-x86-64"\n'
            f'host = "127.0.0.1"\nport = {port}\nuser = "{getpass.getuser()}"\n'
            f'identity_file = "{self.key(number)}"\nknown_hosts = "{self.server.known_hosts}"\n'
            f'stand_in = true\ntags = ["{tag}"]\n'
        )
