"""This machine as a stand-in for a board, reached over real SSH without root."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Self

from edgekit.boards.host_keys import host_pattern
from edgekit.core.board import BoardEntry
from edgekit.core.errors import BoardError
from edgekit.core.record import write_atomically
from edgekit.toolenvs.child import Child
from edgekit.toolenvs.environment import cache_folder

START_TIMEOUT_S = 20


def local_folder() -> Path:
    """Where the local board lives: $EDGEKIT_LOCAL_BOARD, else the cache."""
    explicit = os.environ.get("EDGEKIT_LOCAL_BOARD")
    return Path(explicit).absolute() if explicit else cache_folder() / "boards" / "local"


class LocalBoard:
    """A user-mode SSH server in its own process, with its own home and keys.

    The home is kept between uses, so that a second deployment finds the engine's wheels; give a
    ``folder`` for a board of one's own. Nothing outside the folder is touched.
    """

    def __init__(self, profile: str, *, folder: Path | None = None, name: str = "local") -> None:
        self.folder = folder or local_folder()
        self.profile = profile
        self.name = name
        self.port = 0
        self._child: Child | None = None

    @property
    def entry(self) -> BoardEntry:
        """How the board is reached while it runs."""
        return BoardEntry(
            name=self.name,
            profile=self.profile,
            host="127.0.0.1",
            port=self.port,
            user="board",
            identity_file=str(self.folder / "client_key"),
            known_hosts=str(self._known_hosts),
            stand_in=True,
        )

    def __enter__(self) -> Self:
        try:
            import asyncssh  # noqa: F401  only to see whether it is there
        except ImportError as err:
            raise BoardError(
                "the local board needs asyncssh",
                hint="pip install 'edgekit-toolkit[localboard]', or name a board: --board",
            ) from err
        self._make_folder()
        argv = [sys.executable, "-m", "edgekit.boards.virtual.local_server", str(self.folder)]
        self._child = Child(
            argv,
            name="local SSH server",
            log=self.folder / "server.log",
            timeout_s=START_TIMEOUT_S,
            error=BoardError,
        )
        self.port = self._child.port
        key = (self.folder / "host_key.pub").read_text(encoding="utf-8").split()[:2]
        name = host_pattern("127.0.0.1", self.port)
        write_atomically(self._known_hosts, f"{name} {' '.join(key)}\n")
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the server."""
        child, self._child = self._child, None
        if child is not None:
            child.close()
            self._known_hosts.unlink(missing_ok=True)

    @property
    def _known_hosts(self) -> Path:
        """One file per server: several may serve the same folder at once."""
        return self.folder / f"known_hosts-{self.port}"

    def _make_folder(self) -> None:
        (self.folder / "home").mkdir(parents=True, exist_ok=True)
        (self.folder / "bin").mkdir(exist_ok=True)
        os.chmod(self.folder, 0o700)
        python = self.folder / "bin" / "python3"
        base = getattr(sys, "_base_executable", "") or sys.executable
        write_atomically(python, f'#!/bin/sh\nexec {shlex.quote(base)} "$@"\n')
        os.chmod(python, 0o700)
        for name in ("host_key", "client_key"):
            if not (self.folder / name).exists():
                _make_key(self.folder / name)
        shutil.copyfile(self.folder / "client_key.pub", self.folder / "authorized_keys")


def _make_key(path: Path) -> None:
    import asyncssh

    key = asyncssh.generate_private_key("ssh-ed25519")
    write_atomically(path, key.export_private_key().decode(), mode=0o600)
    write_atomically(path.with_suffix(".pub"), key.export_public_key().decode())
