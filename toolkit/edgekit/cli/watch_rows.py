"""Shows what services do: a table that is drawn over on a terminal, lines elsewhere."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO

from edgekit.boards.watching import WatchRow
from edgekit.cli.output import aligned, can_redraw
from edgekit.core.text import plain_line
from edgekit.core.units import format_ms

HEADERS = (
    "board",
    "app",
    "release",
    "state",
    "rate",
    "p50",
    "p95",
    "heat",
    "failed",
    "last error",
)


def cells(row: WatchRow) -> tuple[str, ...]:
    """A row as words."""
    heat = "-" if row.temperature_c is None else f"{row.temperature_c:.0f} C"
    if row.is_throttled:
        heat += " slowed"
    return (
        row.board,
        row.app or "-",
        row.release[:12] or "-",
        row.state or "unreachable",
        "-" if row.rate_hz is None else f"{row.rate_hz:.3g}/s",
        "-" if row.p50_ms is None else format_ms(row.p50_ms),
        "-" if row.p95_ms is None else format_ms(row.p95_ms),
        heat,
        str(row.failures),
        row.last_error,
    )


@dataclass
class WatchTable:
    """All rows, drawn anew after every round."""

    stream: IO[str] = field(default_factory=lambda: sys.stdout)
    _height: int = 0

    def show(self, rows: Sequence[WatchRow]) -> None:
        """Shows a round of rows."""
        shown = [tuple(map(plain_line, cells(row))) for row in rows]
        if not can_redraw(self.stream):
            for found in shown:
                print("\t".join(found), file=self.stream, flush=True)
            return
        size = shutil.get_terminal_size()
        lines = [line[: size.columns - 1] for line in aligned(HEADERS, shown).splitlines()]
        room = max(size.lines - 2, 3)
        if len(lines) > room:
            lines = [*lines[: room - 1], f"... and {len(lines) - room + 1} more"]
        up = f"\x1b[{self._height}F\x1b[J" if self._height else ""
        self.stream.write(up + "".join(line + "\n" for line in lines))
        self.stream.flush()
        self._height = len(lines)
