"""paramiko's client side of SSH, without its waits for answers that are there already.

Seen in paramiko 5.1: the event that an answer sets is made after the question was sent, so an answer
that is quicker is missed, and a login that was accepted waits until its time is up (15 s; in 3 of 150
logins on a busy machine). The request for the authentication service is waited for in steps of
100 ms, and for ever when the connection breaks in between.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import paramiko
from paramiko.auth_handler import AuthOnlyHandler
from paramiko.common import cMSG_SERVICE_REQUEST
from paramiko.message import Message
from paramiko.transport import ServiceRequestingTransport

USERAUTH = "ssh-userauth"
STEP_S = 0.1
"""Between two looks whether the connection is still there."""


class Authentication(AuthOnlyHandler):
    """Has the event of an answer ready before it asks."""

    _answered: threading.Event | None = None

    @property
    def auth_event(self) -> threading.Event | None:
        """What the reading thread sets when the answer is there."""
        return self._answered

    @auth_event.setter
    def auth_event(self, value: threading.Event | None) -> None:
        """Keeps the one that was made first."""

    # Any: paramiko's signature; its stubs have no types here
    def send_auth_request(
        self, username: str, method: str, finish_message: Callable[[Message], Any] | None = None
    ) -> Any:
        """See paramiko."""
        self._answered = threading.Event()
        return super().send_auth_request(username, method, finish_message)


class Client(ServiceRequestingTransport):
    """paramiko's, which otherwise asks for plain host keys before certificates.

    This base asks for the authentication service once, not again for every key: a round trip less
    each, and servers that refuse to be asked twice are content.
    """

    host_key_order: tuple[str, ...] = ()

    def __init__(self, sock: Any) -> None:  # Any: a socket or paramiko's Channel
        self._accepted = threading.Event()
        super().__init__(sock)

    @property
    def preferred_keys(self) -> Sequence[str]:
        """Host key algorithms in the order in which the server is asked for them."""
        usual: Sequence[str] = super().preferred_keys
        return self.host_key_order or usual

    def get_auth_handler(self) -> Authentication:
        """See paramiko."""
        return Authentication(self)

    def ensure_session(self) -> None:
        """Asks for the authentication service, unless it was granted.

        Raises:
            paramiko.SSHException, EOFError: the connection broke, or no answer came.
        """
        if not self.is_active() or not self.initial_kex_done:
            raise paramiko.SSHException("the connection is not open")
        if self._accepted.is_set():
            return
        question = Message()
        question.add_byte(cMSG_SERVICE_REQUEST)
        question.add_string(USERAUTH)
        self._send_message(question)  # type: ignore[attr-defined]  # not in the stubs
        give_up_s = time.monotonic() + self.auth_timeout
        while not self._accepted.wait(STEP_S):
            if not self.is_active():
                raise self.get_exception() or EOFError("the server closed the connection")
            if time.monotonic() > give_up_s:
                raise paramiko.SSHException("the server did not answer the request to log in")
        self.auth_handler = self.get_auth_handler()

    def _parse_service_accept(self, m: Message) -> None:
        super()._parse_service_accept(m)  # type: ignore[misc]  # not in the stubs
        if self._service_userauth_accepted:  # type: ignore[attr-defined]  # not in the stubs
            self._accepted.set()
