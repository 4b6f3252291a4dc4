"""Asks boards again and again, each by a thread of its own with one connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.boards.watching import WatchRow, row_of
from edgekit.core.errors import EdgekitError

if TYPE_CHECKING:
    from edgekit.boards.opening import OpenBoard
    from edgekit.boards.services import ServiceState

MOST_THREADS = 32


@dataclass
class BoardWatch:
    """One board between two looks; the connection is made anew when it was lost."""

    name: str
    app: str
    inventory: Path | None
    stack: ExitStack = field(default_factory=ExitStack)
    opened: OpenBoard | None = None
    apps: tuple[str, ...] = ()
    before: dict[str, tuple[float, ServiceState]] = field(default_factory=dict)

    def look(self) -> list[WatchRow]:
        """A row per application that is served there."""
        try:
            rows = [self._row(app) for app in self._served()]
        except EdgekitError as err:
            self.close()
            return [WatchRow(self.name, last_error=err.message)]
        return rows or [WatchRow(self.name, state="-", last_error="nothing is served there")]

    def close(self) -> None:
        """Ends the connection."""
        self.stack.close()
        self.opened, self.apps = None, ()

    def _served(self) -> tuple[str, ...]:
        """Applications with a service; asked once per connection."""
        from edgekit.boards.opening import open_board
        from edgekit.boards.releases import list_releases
        from edgekit.boards.session import runner_session
        from edgekit.boards.surveying import survey_board

        if self.opened is None:
            self.opened = self.stack.enter_context(open_board(self.name, inventory=self.inventory))
            session = runner_session(self.opened.transport)
            found = [r.app for r in list_releases(session, self.app) if r.is_current]
            self.apps = tuple(a for a in found if survey_board(session, a).active.has_service)
        return self.apps

    def _row(self, app: str) -> WatchRow:
        from edgekit.boards.services import service_state
        from edgekit.boards.session import runner_session

        assert self.opened is not None
        now = service_state(runner_session(self.opened.transport), app)
        at = time.monotonic()
        then, before = self.before.get(app, (at, None))
        self.before[app] = at, now
        return row_of(self.name, before, now, at - then)


def rounds(
    watches: Sequence[BoardWatch], interval_s: float, count: int, stop: threading.Event
) -> Iterator[list[WatchRow]]:
    """All boards' rows, round by round; ``count`` 0 goes on until ``stop``."""
    done = 0
    with ThreadPoolExecutor(min(len(watches), MOST_THREADS)) as pool:
        try:
            while not stop.is_set():
                begun = time.monotonic()
                yield [row for rows in pool.map(BoardWatch.look, watches) for row in rows]
                done += 1
                if done == count:
                    return
                stop.wait(max(interval_s - (time.monotonic() - begun), 0.0))
        finally:
            for watch in watches:
                watch.close()
