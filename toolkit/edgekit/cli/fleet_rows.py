"""Shows a rollout while it runs: a block of rows on a terminal, lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from typing import IO

from edgekit.cli.output import Output
from edgekit.core.fleet import FINISHED, BoardRow, BoardState
from edgekit.core.text import plain_line
from edgekit.core.units import format_bytes

REDRAW_S = 0.1
MARKS = {
    BoardState.DONE: "ok",
    BoardState.UNCHANGED: "same",
    BoardState.FAILED: "FAILED",
    BoardState.STARTED: "...",
    BoardState.SKIPPED: "skipped",
    BoardState.WAITING: "",
}


class LineRows:
    """A line when a board ends; for pipes, logs and ``--quiet``."""

    def __init__(self, output: Output, total: int) -> None:
        self.output = output
        self.total = total
        self.ended = 0

    def take(self, row: BoardRow) -> None:
        """A board's row changed."""
        if row.state not in FINISHED:
            return
        self.ended += 1
        self.output.note(f"[{self.ended}/{self.total}] {describe(row)}")

    def close(self) -> None:
        """Nothing is left open."""


class LiveRows:
    """The boards at work, one row each, below the ended ones; redrawn in place."""

    def __init__(self, total: int, stream: IO[str] = sys.stderr) -> None:
        self.total = total
        self.stream = stream
        self.active: dict[str, BoardRow] = {}
        self.ended: list[BoardRow] = []
        self.counts = dict.fromkeys(FINISHED, 0)
        self.height = 0
        self.drawn_s = 0.0

    def take(self, row: BoardRow) -> None:
        """A board's row changed."""
        if row.state in FINISHED:
            self.active.pop(row.board, None)
            self.ended.append(row)
            self.counts[row.state] += 1
        elif row.state is BoardState.STARTED:
            self.active[row.board] = row
        now = time.monotonic()
        if now - self.drawn_s >= REDRAW_S:
            self.drawn_s = now
            self._draw()

    def close(self) -> None:
        """Leaves the ended rows on the screen."""
        self.active.clear()
        self._draw()

    def _draw(self) -> None:
        size = shutil.get_terminal_size()
        lines = [describe(row) for row in self.ended]
        live = [describe(row) for row in self.active.values()]
        room = max(size.lines - 3, 1)
        if len(live) > room:
            live = [*live[: room - 1], f"... and {len(live) - room + 1} more"]
        live.append(self._summary())
        text = f"\x1b[{self.height}F\x1b[J" if self.height else ""
        text += "".join(line[: size.columns - 1] + "\n" for line in (*lines, *live))
        self.stream.write(text)
        self.stream.flush()
        self.ended, self.height = [], len(live)

    def _summary(self) -> str:
        done = self.counts[BoardState.DONE] + self.counts[BoardState.UNCHANGED]
        failed = self.counts[BoardState.FAILED]
        return f"{done + failed}/{self.total} boards, {failed} failed, {len(self.active)} at work"


def describe(row: BoardRow) -> str:
    """A row as a line of text."""
    what = row.message if row.state is not BoardState.DONE else row.release
    if row.state is BoardState.UNCHANGED:
        what = f"{row.release} was active"
    sent = f", {format_bytes(row.sent_bytes)} sent" if row.sent_bytes else ""
    took = f"  ({row.took_s:.1f} s{sent})" if row.took_s else ""
    return plain_line(f"{MARKS[row.state]:<7} {row.board}  {what}{took}")
