"""Holds one virtual board: ``python -m edgekit.boards.virtual.keeper FOLDER``, until SIGTERM."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType

from edgekit.boards.host_keys import host_pattern
from edgekit.boards.virtual.arm64 import Arm64Board
from edgekit.boards.virtual.faults import parse_faults
from edgekit.boards.virtual.lasting import BoardSpec, LastingBoard
from edgekit.boards.virtual.local import LocalBoard
from edgekit.boards.virtual.userland import KINDS, UserlandBoard
from edgekit.core.board import BoardEntry
from edgekit.core.errors import EdgekitError
from edgekit.core.record import from_plain, to_plain, write_atomically
from edgekit.networks.catalog import load_network
from edgekit.networks.link import ShapingLink


def keep(folder: Path) -> None:
    """Starts the board of the folder's ``spec.json``, says where it is, waits for the end."""
    spec = from_plain(BoardSpec, json.loads((folder / "spec.json").read_text(encoding="utf-8")))
    with open(folder / "lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.set_inheritable(lock.fileno(), False)
        with _board(spec, folder) as entry, _way(spec, entry, folder) as reached:
            board = LastingBoard(spec, reached, os.getpid())
            write_atomically(folder / "entry.json", json.dumps(to_plain(board)) + "\n")
            ends = {signal.SIGTERM, signal.SIGINT}
            signal.pthread_sigmask(signal.SIG_BLOCK, ends)
            signal.sigwait(ends)
        (folder / "entry.json").unlink(missing_ok=True)


@contextlib.contextmanager
def _board(spec: BoardSpec, folder: Path) -> Iterator[BoardEntry]:
    if spec.kind == "arm64":
        with Arm64Board(spec.profile, progress=lambda message: None) as machine:
            yield replace(machine.entry, name=spec.name)
    elif spec.kind in KINDS:
        place = folder / "board"
        with UserlandBoard(spec.kind, place, profile=spec.profile, name=spec.name) as userland:
            yield userland.entry
    else:
        place = folder / "board"
        with LocalBoard(spec.profile or "raspberrypi", folder=place, name=spec.name) as local:
            yield local.entry


@contextlib.contextmanager
def _way(spec: BoardSpec, entry: BoardEntry, folder: Path) -> Iterator[BoardEntry]:
    """The board behind a shaping link, when something is to go wrong on the way."""
    if not spec.faults and spec.network == "loopback":
        yield entry
        return
    way = parse_faults(spec.faults, load_network(spec.network))
    with ShapingLink(way.network, entry.host, entry.port, faults=way.faults) as link:
        line = Path(entry.known_hosts).read_text(encoding="utf-8")
        known_hosts = folder / "known_hosts"
        name, there = host_pattern(link.host, link.port), host_pattern(entry.host, entry.port)
        write_atomically(known_hosts, line.replace(there, name))
        yield replace(entry, host=link.host, port=link.port, known_hosts=str(known_hosts))


def _quietly_end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _quietly_end)  # while it starts; later sigwait takes it
    try:
        keep(Path(sys.argv[1]))
    except EdgekitError as error:
        sys.exit(f"{error.message}  {error.hint}")
