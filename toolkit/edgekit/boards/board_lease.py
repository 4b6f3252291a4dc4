"""The deployer's hold on a board, kept alive while it works."""

from __future__ import annotations

import getpass
import secrets
import socket
import threading
from collections.abc import Sequence
from typing import Self

from edgekit.boards.session import Event, RunnerSession
from edgekit.core.errors import EdgekitError

LEASE_S = 60.0
"""A deployer that vanishes blocks a board for this long."""


class BoardLease:
    """Taken by :meth:`begin`; a thread renews it, the end of the block gives it back."""

    def __init__(self, session: RunnerSession, *, lease_s: float = LEASE_S) -> None:
        self.session = session
        self.lease_s = lease_s
        self.holder = secrets.token_hex(8)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def request(self, **fields: object) -> dict[str, object]:
        """A request in the name of this holder."""
        who = f"{_user()}@{socket.gethostname()}"
        return {"holder": self.holder, "who": who, "lease_s": self.lease_s, **fields}

    def begin(self, sha256: Sequence[str], extra: Sequence[str] = ()) -> list[Event]:
        """Takes the lease; gives what the board says about the wanted blobs.

        Raises:
            BoardError: someone else holds it.
        """
        request = self.request(sha256=list(sha256), extra=list(extra))
        events = self.session.call("begin", request)
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()
        return events

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        self._stop.set()
        if self._thread is None:
            return
        self._thread.join()
        # what has arrived stays for the next try, unless a person said stop
        discard = kind is not None and not issubclass(kind, Exception)
        try:
            self.session.call("end", self.request(discard=discard), timeout_s=10)
        except EdgekitError:  # the lease runs out by itself
            if kind is None:
                raise

    def _beat(self) -> None:
        while not self._stop.wait(self.lease_s / 3):
            try:
                self.session.call("renew", self.request(), timeout_s=self.lease_s)
            except EdgekitError:  # the deployment's own next command says what is wrong
                return


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "someone"
