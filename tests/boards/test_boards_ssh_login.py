"""Logging in: an answer that is quick is not missed, a connection that breaks ends the wait."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest
from paramiko.common import cMSG_SERVICE_REQUEST, cMSG_USERAUTH_REQUEST
from paramiko.message import Message

from edgekit.boards.ssh.client import Client
from edgekit.boards.ssh.connection import Connection, connect_to
from edgekit.boards.ssh.login import read_key
from edgekit.boards.ssh.target import find_route
from sshd import Sshd, make_key, need_sshd

pytestmark = pytest.mark.e2e
AFTER_SENDING = Callable[[Client, Message], None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    need_sshd()
    with Sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def connection(server: Sshd) -> Iterator[Connection]:
    made = connect_to(find_route(server.entry())[-1])
    yield made
    made.close()


def after_sending(monkeypatch: pytest.MonkeyPatch, what: AFTER_SENDING) -> None:
    send = Client._send_message  # type: ignore[attr-defined]  # not in the stubs

    def slow(self: Client, message: Message) -> None:
        send(self, message)
        what(self, message)

    monkeypatch.setattr(Client, "_send_message", slow)


def until_answered(client: Client, message: Message) -> None:
    """Lets the answer arrive before the sender goes on, as on a busy machine."""
    if not message.asbytes().startswith(cMSG_USERAUTH_REQUEST):
        return
    deadline = time.monotonic() + 30
    handler = client.auth_handler
    assert handler
    while not client.is_authenticated() and handler.username is not None:  # None once refused
        assert time.monotonic() < deadline


def test_an_answer_that_is_there_at_once_is_heard(
    connection: Connection, server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = server.entry()
    key = read_key(Path(entry.identity_file))
    assert key
    after_sending(monkeypatch, until_answered)
    connection.transport.auth_timeout = 2  # paramiko's own handler waits so long, and gives up
    assert connection.transport.auth_publickey(entry.user, key) == []


def test_a_refusal_that_is_there_at_once_is_heard(
    connection: Connection, server: Sshd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = read_key(make_key(tmp_path / "stranger"))
    assert key
    after_sending(monkeypatch, until_answered)
    connection.transport.auth_timeout = 2
    with pytest.raises(paramiko.AuthenticationException, match=r"^Authentication failed"):
        connection.transport.auth_publickey(server.entry().user, key)


def test_a_connection_that_breaks_before_the_login_ends_the_wait(
    connection: Connection, server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = read_key(Path(server.entry().identity_file))
    assert key

    def cut(client: Client, message: Message) -> None:
        if message.asbytes().startswith(cMSG_SERVICE_REQUEST):
            client.sock.shutdown(socket.SHUT_RDWR)

    # what was sent is cut off before the server can answer: its answer finds nobody
    monkeypatch.setattr(Client, "_parse_service_accept", lambda self, message: None)
    after_sending(monkeypatch, cut)
    with pytest.raises((EOFError, OSError, paramiko.SSHException)):
        connection.transport.auth_publickey(server.entry().user, key)
