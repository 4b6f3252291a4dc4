"""The deployer's hold on a board, kept alive while it works."""

from __future__ import annotations

import contextlib
import getpass
import socket
import threading
from collections.abc import Sequence
from typing import Self

from edgekit.boards.holder import Holder
from edgekit.boards.session import Event, RunnerSession
from edgekit.core.errors import EdgekitError

LEASE_S = 60.0
"""A deployer that vanishes blocks a board for this long."""
END_TIMEOUT_S, FAILED_END_TIMEOUT_S = 60.0, 10.0
"""To give the lease back: a board may be slow; after a failure it may be gone."""


class BoardLease:
    """Taken by :meth:`begin`; a thread renews it, the end of the block gives it back."""

    def __init__(
        self, session: RunnerSession, *, address: str = "", lease_s: float = LEASE_S
    ) -> None:
        """The lease of one deployment.

        Args:
            session: the board's runner.
            address: tells the board from others (holder.address_of); the next deployment to it
                from here may then take this lease over once this one is over.
            lease_s: how long it lasts after the last sign of life.
        """
        self.session = session
        self.lease_s = lease_s
        self.holder = Holder(address)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def request(self, **fields: object) -> dict[str, object]:
        """A request in the name of this holder."""
        who = f"{_user()}@{socket.gethostname()}"
        return {"holder": self.holder.name, "who": who, "lease_s": self.lease_s, **fields}

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
        try:
            self._end(kind)
        finally:
            self.holder.close()

    def _end(self, kind: type[BaseException] | None) -> None:
        self._stop.set()
        if self._thread is None:
            return
        self._thread.join()
        # what has arrived stays for the next try, unless a person said stop
        discard = kind is not None and not issubclass(kind, Exception)
        timeout_s = END_TIMEOUT_S if kind is None else FAILED_END_TIMEOUT_S
        # a lease that is not given back takes nothing from what was done: the next deployment
        # from here goes on with it, and for others it runs out
        with contextlib.suppress(EdgekitError):
            self.session.call("end", self.request(discard=discard), timeout_s=timeout_s)

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
