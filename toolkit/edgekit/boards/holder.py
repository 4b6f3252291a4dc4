"""Who a deployer is to a board, so that its next try may go on at once after a cut.

A lease names its holder, and one that a cut left behind holds a board for as long as a vanished
deployer does. The name is therefore kept in a file of this machine, which is locked while a
deployment lasts: who gets the lock knows that the one before is over, and goes on under its name.
Two at a time never share a name; the second one gets a name of its own, and the board refuses it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import socket

from edgekit.core.board import BoardEntry
from edgekit.toolenvs.environment import cache_folder

NAME = re.compile(r"[0-9a-f]{16}")


class Holder:
    """A name that nobody else has until :meth:`close`."""

    def __init__(self, board: str = "") -> None:
        """Takes the name kept for a board; empty makes a new one that is not kept."""
        self.name = secrets.token_hex(8)
        self._file = -1
        if board:
            with contextlib.suppress(OSError):  # without its file a cut costs the lease's time
                self._take(board)

    def close(self) -> None:
        """Lets the next deployment of this machine have the name; may be called twice."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _take(self, board: str) -> None:
        folder = cache_folder() / "holders"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # homes are shared between machines here and there, and locks not everywhere
        digest = hashlib.sha256(f"{socket.gethostname()}\n{board}".encode()).hexdigest()
        file = os.open(folder / digest[:32], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            kept = os.read(file, 64).decode("ascii", "replace")
            if NAME.fullmatch(kept):
                self.name = kept
            else:
                os.ftruncate(file, 0)
                os.pwrite(file, self.name.encode("ascii"), 0)
        except OSError:
            os.close(file)
            raise
        self._file = file


def address_of(entry: BoardEntry, home: str) -> str:
    """What tells a board from others; a virtual one has another port each time."""
    is_virtual = entry.stand_in or entry.emulated
    where = entry.name if is_virtual else f"{entry.user}@{entry.host}:{entry.port}"
    return f"{where} {home}"
