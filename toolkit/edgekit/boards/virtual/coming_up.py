"""What every virtual board with a process of its own needs when it starts."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from edgekit.boards.transports import open_transport
from edgekit.core.board import BoardEntry
from edgekit.core.errors import BoardError, Unreachable

POLL_S = 0.2


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for_login(
    entry: BoardEntry, process: subprocess.Popen[bytes], log: Path, *, timeout_s: float
) -> None:
    """Waits until a board can be logged in to.

    Args:
        entry: how it is reached.
        process: what plays it.
        log: what the process says.
        timeout_s: longest wait.

    Raises:
        BoardError: the process ended.
        Unreachable: the time was up.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with open_transport(entry) as transport:
                transport.run(["true"], timeout_s=60)
            return
        except BoardError as err:
            if process.poll() is not None:
                text = log.read_text(errors="replace").strip()
                raise BoardError(f"{entry.name} ended: {text[-300:]}") from err
            if time.monotonic() > deadline:
                raise Unreachable(
                    f"no login on {entry.name} within {timeout_s:g} s", hint=f"see {log}"
                ) from err
            time.sleep(POLL_S)
