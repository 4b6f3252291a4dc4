"""Ends a connection that makes no progress.

paramiko retries a blocked socket write for ever and some of its waits have no limit, so a stalled
link would hang the caller. Shutting the socket down from outside ends every such wait.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator


class Watchdog:
    """Watches one connection; a single thread of the process serves all of them.

    Example:
        with watchdog.limit(20):
            send_block()            # any number of blocking calls
            watchdog.progress()     # the 20 seconds begin anew
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.has_fired = False
        self.limit_s = 0.0
        self.deadline_s: float | None = None

    @contextlib.contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Shuts the connection down unless the block ends or makes progress within the time.

        Blocks nest: the outer limit holds again, from then on, when the inner one ends.
        """
        outer = self.limit_s if self.deadline_s is not None else None
        self._set(seconds)
        try:
            yield
        finally:
            if outer is None:
                self.deadline_s = None
            else:
                self._set(outer)

    def progress(self) -> None:
        """The limit's time begins anew."""
        if self.deadline_s is not None:
            self.deadline_s = time.monotonic() + self.limit_s

    def _set(self, seconds: float) -> None:
        self.limit_s = seconds
        self.deadline_s = time.monotonic() + seconds
        _GUARD.add(self)

    def fire(self) -> None:
        """Ends the connection; blocked reads and writes fail at once."""
        self.has_fired = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class _Guard:
    """Looks at every watchdog that has a limit, while there is one."""

    INTERVAL_S = 0.25

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.watched: set[Watchdog] = set()
        self.thread: threading.Thread | None = None

    def add(self, watchdog: Watchdog) -> None:
        with self.lock:
            self.watched.add(watchdog)
            if self.thread is None:
                self.thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
                self.thread.start()

    def _watch(self) -> None:
        idle = threading.Event()  # never set: its wait is the pause
        while True:
            idle.wait(self.INTERVAL_S)
            now = time.monotonic()
            with self.lock:
                for watchdog in tuple(self.watched):
                    deadline = watchdog.deadline_s
                    if deadline is None:
                        self.watched.discard(watchdog)
                    elif deadline < now:
                        self.watched.discard(watchdog)
                        watchdog.fire()
                if not self.watched:
                    self.thread = None
                    return


_GUARD = _Guard()
