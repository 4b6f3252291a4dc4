"""Copies one file to each board of an inventory and runs one command there: what peers are timed at."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edgekit.boards.inventory import list_boards
from edgekit.boards.transports import open_transport
from edgekit.core.board import BoardEntry


def main() -> None:
    """``INVENTORY FILE THREADS``; 1 when a board failed."""
    inventory, source, threads = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])

    def visit(board: BoardEntry) -> int:
        with open_transport(board) as transport:
            transport.put(source, f"{transport.home}/{source.name}")
            return transport.run(["uname", "-a"]).code

    with ThreadPoolExecutor(threads) as pool:
        codes = list(pool.map(visit, list_boards(inventory)))
    sys.exit(any(codes))


if __name__ == "__main__":
    main()
