"""Opens a board by name: one of the inventory, one written out, or a virtual one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgekit.boards.inventory import load_board
from edgekit.boards.session import RunnerSession, runner_session
from edgekit.boards.transports import open_transport
from edgekit.boards.transports.contract import Transport
from edgekit.core.board import BoardEntry

LOCAL = "local"
ARM64 = "arm64"
VIRTUAL = (LOCAL, ARM64)
"""Boards that are started on demand and need no entry in the inventory."""


@dataclass(frozen=True)
class OpenBoard:
    """A board that is connected."""

    entry: BoardEntry
    transport: Transport


def find_board(name: str, *, inventory: Path | None = None, profile: str = "") -> None:
    """Refuses a name that no board has, without reaching for the board.

    Raises:
        ConfigError: there is no such board.
    """
    if name not in VIRTUAL:
        load_board(name, inventory=inventory, profile=profile)


@contextmanager
def running_board(
    name: str,
    *,
    profile: str = "",
    inventory: Path | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> Iterator[BoardEntry]:
    """The entry of a board; a virtual one runs until the block ends.

    Args:
        name: of the inventory, ``user@host[:port]``, ``local`` (this machine as a
            stand-in) or ``arm64`` (the emulated board).
        profile: what a virtual or written-out board is, or stands for.
    """
    with ExitStack() as stack:
        if name == LOCAL:
            from edgekit.boards.virtual.local import LocalBoard

            yield stack.enter_context(LocalBoard(profile or "raspberrypi")).entry
        elif name == ARM64:
            from edgekit.boards.virtual.arm64 import Arm64Board

            yield stack.enter_context(Arm64Board(profile, progress=progress)).entry
        else:
            yield load_board(name, inventory=inventory, profile=profile)


@contextmanager
def open_board(
    name: str,
    *,
    profile: str = "",
    inventory: Path | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> Iterator[OpenBoard]:
    """A connected board; see :func:`running_board`.

    Raises:
        ConfigError: there is no such board.
        BoardError: it cannot be reached.
    """
    with (
        running_board(name, profile=profile, inventory=inventory, progress=progress) as entry,
        open_transport(entry) as transport,
    ):
        yield OpenBoard(entry, transport)


@contextmanager
def open_session(
    name: str,
    *,
    inventory: Path | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> Iterator[RunnerSession]:
    """The runner on a connected board; see :func:`open_board`."""
    with open_board(name, inventory=inventory, progress=progress) as opened:
        yield runner_session(opened.transport)
