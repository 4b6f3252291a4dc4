"""Ways to reach a board, one file each, all with the contract in contract.py.

A transport's file has ``connect(entry) -> Transport``.
"""

from __future__ import annotations

import importlib

from edgekit.boards.transports.contract import Transport
from edgekit.core.board import BoardEntry
from edgekit.core.errors import ConfigError
from edgekit.core.plugins import plugin_paths
from edgekit.core.suggest import did_you_mean

CONTRACT = "contract"


def transport_names() -> tuple[str, ...]:
    """Names of every transport."""
    return tuple(name for name in plugin_paths(__name__) if name != CONTRACT)


def open_transport(entry: BoardEntry) -> Transport:
    """Connects to a board.

    Raises:
        ConfigError: the entry names a transport that does not exist.
        BoardError: the board cannot be reached, or its host key is not the recorded one.
    """
    if entry.transport not in transport_names():
        raise ConfigError(
            f"board {entry.name}: no transport is called {entry.transport!r}",
            hint=did_you_mean(entry.transport, transport_names()),
        )
    module = importlib.import_module(plugin_paths(__name__)[entry.transport])
    opened: Transport = module.connect(entry)
    return opened
