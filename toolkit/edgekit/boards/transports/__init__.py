"""Ways to reach a board, all with the contract in contract.py."""

from __future__ import annotations

from edgekit.boards.transports.contract import Transport
from edgekit.core.board import BoardEntry
from edgekit.core.errors import ConfigError
from edgekit.core.suggest import did_you_mean

TRANSPORTS = ("ssh", "local")


def open_transport(entry: BoardEntry) -> Transport:
    """Connects to a board.

    Raises:
        ConfigError: the entry names a transport that does not exist.
        BoardError: the board cannot be reached, or its host key is not the recorded one.
    """
    if entry.transport == "ssh":
        from edgekit.boards.transports.ssh import SshTransport

        return SshTransport(entry)
    if entry.transport == "local":
        from edgekit.boards.transports.local import LocalTransport

        return LocalTransport()
    raise ConfigError(
        f"board {entry.name}: no transport is called {entry.transport!r}",
        hint=did_you_mean(entry.transport, TRANSPORTS),
    )
