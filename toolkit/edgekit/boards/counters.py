"""Counters of signed releases: each new content gets a higher one than any before it.

No clock is asked, on either side. The host remembers what it gave; a board says what it has seen,
so that a second workstation with the same key goes on above the first one's.
"""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

from edgekit.core.errors import BoardMismatch
from edgekit.core.record import write_atomically

MAX_JUMP = 1_000_000
"""A board that claims more above this host's own counters is not believed: signing above its claim
would lock every other board to numbers that it made up (fast-forward attack)."""


def next_counter(ledger: Path, line: str, content: str, *, seen_by_board: int = 0) -> int:
    """The counter for a content: the one it has, unless a board has seen a higher one.

    Args:
        ledger: the host's file of counters.
        line: what counts on its own: an application on one kind of system.
        content: id of what is signed, without its counter.
        seen_by_board: highest counter that the board has accepted.

    Raises:
        BoardMismatch: the board claims an unbelievable counter.
    """
    ledger.parent.mkdir(parents=True, exist_ok=True)
    with open(ledger.with_suffix(".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = _read(ledger)
        mine = known.setdefault(line, {})
        highest = max(mine.values(), default=0)
        if seen_by_board > highest + MAX_JUMP:
            raise BoardMismatch(
                f"the board claims to have seen counter {seen_by_board} of {line}, "
                f"the highest given here is {highest}",
                hint="if the board is yours, remove ~/.edgekit/states there and deploy again",
            )
        given = mine.get(content, 0)
        if given and given >= max(highest, seen_by_board):
            return given
        mine[content] = max(highest, seen_by_board) + 1
        write_atomically(ledger, json.dumps(known, indent=1, sort_keys=True) + "\n")
        return mine[content]


def _read(ledger: Path) -> dict[str, dict[str, int]]:
    try:
        found: dict[str, dict[str, int]] = json.loads(ledger.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found
