"""Samples as they are taken: one row of integers per invocation, sent in compact pieces."""

from __future__ import annotations

import base64
import sys
from array import array
from typing import Any, Callable, Dict, List, Mapping, Sequence

Emit = Callable[..., None]
MOST_ROWS = 20000
"""Per delivery: packing holds the interpreter's lock, which a timed loop may be waiting for."""
FEWEST_KEPT = 1000
"""The latest rows stay for who asks for them; more than twice as many are let go together."""


class Rows:
    """Rows of one stream. The timed loop extends ``data``; the sampler reads it.

    A run of half an hour must not grow: rows that were sent are let go, unless the stop rule
    wants to see all of them.
    """

    def __init__(self, columns: Sequence[str], stream: int = 0, *, keeps_all: bool = True) -> None:
        self.columns = list(columns)
        self.stream = stream
        self.keeps_all = keeps_all
        self.data = array("q")
        self.sent = 0
        self.gone = 0
        """Rows that were let go; they come before those in ``data``."""

    def __len__(self) -> int:
        return self.gone + len(self.data) // len(self.columns)

    def latest(self, column: str, count: int) -> List[int]:
        """The last values of a column."""
        width = len(self.columns)
        end = len(self.data) // width * width
        begin = max(0, end - count * width)
        return list(self.data[begin + self.columns.index(column) : end : width])

    def column(self, name: str) -> List[int]:
        """All values of a column that are kept."""
        return self.latest(name, len(self))

    def send(self, emit: Emit) -> bool:
        """Emits rows that were not sent yet; True when some were."""
        width = len(self.columns)
        end = min(len(self), self.sent + MOST_ROWS)
        if end == self.sent:
            return False
        piece = self.data[(self.sent - self.gone) * width : (end - self.gone) * width]
        if sys.byteorder == "big":
            piece.byteswap()
        text = base64.b64encode(piece.tobytes()).decode("ascii")
        emit("rows", stream=self.stream, columns=self.columns, data=text)
        self.sent = end
        if not self.keeps_all:
            self._let_go()
        return True

    def _let_go(self) -> None:
        """Drops rows from the front, in one step that the timed loop cannot fall between."""
        count = min(self.sent, len(self) - FEWEST_KEPT) - self.gone
        if count > FEWEST_KEPT:
            del self.data[: count * len(self.columns)]
            self.gone += count


def unpack(event: Mapping[str, Any]) -> Dict[str, Any]:  # Any: JSON in, arrays out
    """Column name to values of a ``rows`` event; for the host.

    Raises:
        ValueError: it does not hold whole rows.
    """
    names = [str(name) for name in event["columns"]]
    values = array("q")
    values.frombytes(base64.b64decode(event["data"], validate=True))
    if sys.byteorder == "big":
        values.byteswap()
    if not names or len(values) % len(names):
        raise ValueError("%d values are no rows of %d" % (len(values), len(names)))
    return {name: values[position :: len(names)] for position, name in enumerate(names)}
