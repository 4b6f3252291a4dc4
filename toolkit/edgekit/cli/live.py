"""The live line of a run on stderr: phase, invocations, p50 so far, temperature."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from edgekit.cli.output import can_redraw
from edgekit.core.text import plain_line
from edgekit.core.units import format_ms

PLAIN_INTERVAL_S = 5.0
"""Without a terminal a new line says it this often."""
CLEAR = "\r\x1b[K"


@dataclass
class LiveLine:
    """Shows progress events; one line that changes on a terminal, now and then a line elsewhere."""

    quiet: bool = False
    prefix: str = ""
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    _said_s: float = 0.0
    _is_open: bool = False

    def take(self, event: Mapping[str, Any]) -> None:  # Any: JSON
        """Shows a progress event, ignores others."""
        if event["event"] != "progress" or self.quiet:
            return
        text = plain_line(self.prefix + progress_text(event))
        if can_redraw(self.stream):
            self.stream.write(CLEAR + text)
            self.stream.flush()
            self._is_open = True
        elif time.monotonic() - self._said_s >= PLAIN_INTERVAL_S:
            self._said_s = time.monotonic()
            print(text, file=self.stream, flush=True)

    def close(self) -> None:
        """Takes the line away."""
        if self._is_open:
            self.stream.write(CLEAR)
            self.stream.flush()
            self._is_open = False


def progress_text(event: Mapping[str, Any]) -> str:  # Any: JSON
    """The words for a progress event.

    Example:
        >>> progress_text({"phase": "infer", "count": 120, "elapsed_ns": 1_500_000_000,
        ...                "p50_ns": 1_250_000, "temperature_c": 61.2})
        '  infer: 120 runs, 1.5 s, p50 1.25 ms, 61.2 C'
    """
    parts = [f"  {event['phase']}: {int(event['count'])} runs, {event['elapsed_ns'] / 1e9:.1f} s"]
    if event.get("p50_ns"):
        parts.append(f"p50 {format_ms(event['p50_ns'] / 1e6)}")
    if event.get("temperature_c") is not None:
        parts.append(f"{event['temperature_c']:.1f} C")
    return ", ".join(parts)
