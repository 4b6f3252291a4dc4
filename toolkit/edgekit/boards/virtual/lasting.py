"""Virtual boards that stay up between commands: each is held by a process of its own.

A board's folder has ``entry.json`` (how it is reached) and ``lock``, which its keeper holds: that it is
held is the only proof that the board is up, so nothing of a crashed one is believed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from edgekit.core.board import BoardEntry
from edgekit.core.errors import BoardError, ConfigError, RecordError
from edgekit.core.record import from_plain, to_plain, write_atomically
from edgekit.core.suggest import did_you_mean
from edgekit.toolenvs.environment import cache_folder

START_TIMEOUT_S = 240
"""An emulated machine boots in 4 to 20 s, on a busy host in more."""
END_TIMEOUT_S = 60
POLL_S = 0.05
LOG_WORDS = 300


@dataclass(frozen=True)
class BoardSpec:
    """A virtual board as it was asked for."""

    name: str
    kind: str
    """local, arm64, arm64-user or armv7-user."""
    profile: str
    network: str = "loopback"
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class LastingBoard:
    """One that is up."""

    spec: BoardSpec
    entry: BoardEntry
    pid: int


def boards_folder() -> Path:
    """Where they keep what they need."""
    return cache_folder() / "boards" / "up"


def list_lasting() -> tuple[LastingBoard, ...]:
    """Every virtual board that is up, by name."""
    folder = boards_folder()
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return tuple(board for name in names if (board := find_lasting(name)) is not None)


def find_lasting(name: str) -> LastingBoard | None:
    """A virtual board that is up."""
    folder = boards_folder() / name
    if not is_held(folder):
        return None
    with contextlib.suppress(OSError, ValueError, KeyError, RecordError):
        document = json.loads((folder / "entry.json").read_text(encoding="utf-8"))
        return from_plain(LastingBoard, document, where=str(folder))
    return None


def bring_up(spec: BoardSpec) -> LastingBoard:
    """Starts a board and waits until it can be logged in to.

    Raises:
        ConfigError: the name is taken.
        BoardError: it did not start.
    """
    folder = boards_folder() / spec.name
    if is_held(folder):
        raise ConfigError(
            f"{spec.name} is up already", hint=f"edgekit board down {spec.name}, or --name OTHER"
        )
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o700)
    (folder / "entry.json").unlink(missing_ok=True)
    write_atomically(folder / "spec.json", json.dumps(to_plain(spec)) + "\n")
    pid = _start_keeper(folder)
    try:
        return _wait_until_up(spec, pid, folder)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        raise


def take_down(name: str, *, delete: bool = False) -> None:
    """Ends a board; its disk is kept unless told otherwise.

    Raises:
        ConfigError: no such board is up.
        BoardError: it does not end.
    """
    board = find_lasting(name)
    folder = boards_folder() / name
    if board is None and not (delete and folder.is_dir()):
        known = [one.spec.name for one in list_lasting()]
        raise ConfigError(f"no virtual board {name!r} is up", hint=did_you_mean(name, known))
    if board is not None:
        os.kill(board.pid, signal.SIGTERM)
        deadline = time.monotonic() + END_TIMEOUT_S
        while is_held(folder):
            if time.monotonic() > deadline:
                raise BoardError(f"{name} does not end", hint=f"kill {board.pid}")
            time.sleep(POLL_S)
    if delete:
        shutil.rmtree(folder)


def is_held(folder: Path) -> bool:
    """True when a keeper holds the folder."""
    try:
        with open(folder / "lock", "rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _start_keeper(folder: Path) -> int:
    """Starts it in a session of its own, so that it outlives this process and its terminal."""
    argv = [sys.executable, "-m", "edgekit.boards.virtual.keeper", str(folder)]
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(folder / "log"), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(sys.executable, argv, os.environ, file_actions=actions, setsid=True)


def _wait_until_up(spec: BoardSpec, pid: int, folder: Path) -> LastingBoard:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        board = find_lasting(spec.name)
        if board is not None and board.pid == pid:
            return board
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            raise BoardError(f"{spec.name} did not start: {_last_words(folder)}")
        if time.monotonic() > deadline:
            raise BoardError(
                f"{spec.name} was not up within {START_TIMEOUT_S} s", hint=f"see {folder / 'log'}"
            )
        time.sleep(POLL_S)


def _last_words(folder: Path) -> str:
    text = (folder / "log").read_text(encoding="utf-8", errors="replace").strip()
    return text.splitlines()[-1][-LOG_WORDS:] if text else "it said nothing"
