"""What a rollout has done so far, on disk, so that a killed controller goes on where it was.

One JSON line per event, handed to the kernel before the event counts: it outlives the process. What
a power cut takes away, or cuts in half, makes its board be deployed to again, which is safe.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Self

from edgekit.boards.fleet_plan import RolloutPlan
from edgekit.core.errors import ConfigError, RecordError
from edgekit.core.fleet import FINISHED, BoardRow, BoardState
from edgekit.core.record import from_plain, to_plain

KIND = "edgekit.fleet_journal"
SCHEMA = 1


class FleetJournal:
    """The journal of one plan in a folder; holds a lock while open."""

    def __init__(self, folder: Path, plan: RolloutPlan) -> None:
        self.path = folder / f"fleet-{plan.id}.jsonl"
        self.plan = plan
        self.lock = threading.Lock()
        self.stream: IO[bytes] | None = None

    def open(self, *, restart: bool = False) -> dict[str, BoardRow]:
        """Takes the journal; gives the rows that an interrupted run had finished well.

        A run that ended is not resumed: everything is looked at again.

        Raises:
            ConfigError: another controller is at work on the same plan.
            RecordError: the file is not a journal of this plan.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        stream = open(self.path, "a+b")  # noqa: SIM115  held until close
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            stream.close()
            raise ConfigError(
                f"another rollout of the same plan is under way ({self.path})",
                hint="wait for it to end",
            ) from err
        self.stream = stream
        stream.seek(0)
        events = _events(stream.read(), self.path)
        if events and events[0].get("plan") != self.plan.id:
            raise RecordError(f"{self.path} is the journal of another plan", hint="--restart")
        is_over = bool(events) and events[-1].get("event") == "ended"
        if restart or is_over or not events:
            stream.truncate(0)
            self._write({"kind": KIND, "schema": SCHEMA, "plan": self.plan.id})
            return {}
        self._write({"event": "resumed"})
        return _finished(events)

    def note(self, row: BoardRow) -> None:
        """Writes a board's state down."""
        if row.state is BoardState.STARTED or row.state in FINISHED:
            self._write({"event": "board", "row": to_plain(row)})

    def end(self) -> None:
        """The rollout is over: the next one begins anew."""
        self._write({"event": "ended"})

    def close(self) -> None:
        """Lets the journal go."""
        with self.lock:
            if self.stream is not None:
                self.stream.close()
                self.stream = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def _write(self, event: dict[str, object]) -> None:
        with self.lock:
            if self.stream is None:
                return
            self.stream.write(json.dumps(event).encode() + b"\n")
            self.stream.flush()


def _events(data: bytes, path: Path) -> list[dict[str, Any]]:  # Any: JSON
    *lines, rest = data.split(b"\n")
    if rest:  # cut in half; the next line must not be glued to it
        with open(path, "ab") as stream:
            stream.write(b"\n")
    events = []
    for line in lines:
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict):
                events.append(event)
    return events


def _finished(events: list[dict[str, Any]]) -> dict[str, BoardRow]:  # Any: JSON
    rows: dict[str, BoardRow] = {}
    for event in events:
        if event.get("event") == "board":
            row = from_plain(BoardRow, event["row"], where="journal")
            rows[row.board] = row
    return {
        name: replace(row, message="finished before the interruption")
        for name, row in rows.items()
        if row.state in (BoardState.DONE, BoardState.UNCHANGED)
    }
