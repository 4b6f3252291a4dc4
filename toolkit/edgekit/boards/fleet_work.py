"""What a rollout does to one board: the same deployment as of a single one, and a second look."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace

from edgekit.boards.bundle_file import card_of, is_bundle_file
from edgekit.boards.deploy import DeployRequest, deploy
from edgekit.boards.fleet import FleetWork, Outcome, Progress
from edgekit.boards.session import runner_session
from edgekit.boards.surveying import survey_board
from edgekit.boards.transports import open_transport
from edgekit.boards.transports.contract import Transport
from edgekit.core.board import BoardEntry
from edgekit.core.errors import BoardError, Unreachable
from edgekit_runner import wire


class _Connections:
    """Those that are open, so that an interruption can end them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.open: set[Transport] = set()
        self.is_stopped = False

    def add(self, transport: Transport) -> None:
        with self.lock:
            if self.is_stopped:
                raise Unreachable("the rollout was interrupted")
            self.open.add(transport)

    def remove(self, transport: Transport) -> None:
        with self.lock:
            self.open.discard(transport)

    def stop(self) -> None:
        with self.lock:
            self.is_stopped = True
            ending = tuple(self.open)
        for transport in ending:
            transport.close()


def deployment_work(request: DeployRequest, app: str) -> FleetWork:
    """The work of a rollout.

    Args:
        request: what to deploy and how; its entry is replaced by each board's.
        app: the application's name on the boards.
    """
    connections = _Connections()

    def deploy_to(board: BoardEntry, progress: Progress) -> Outcome:
        with open_transport(board) as transport:
            connections.add(transport)
            try:
                done = deploy(replace(request, entry=board), transport, progress=progress)
            finally:
                connections.remove(transport)
        if done.deployment is None:
            raise BoardError(f"{board.name}: nothing was deployed")
        made = done.deployment
        return Outcome(made.release, made.changed, made.sent_bytes)

    def look_at(board: BoardEntry, release: str) -> str:
        with open_transport(board) as transport:
            active = survey_board(runner_session(transport), app).active
        if active.release != release:
            return f"{app} {release} is not active any more, but {active.release or 'nothing'}"
        return "" if active.is_intact else f"{app} {release} was damaged on the board"

    return FleetWork(deploy_to, look_at, connections.stop)


def content_of(request: DeployRequest) -> str:
    """Identifies what is rolled out: the card names every file by its hash."""
    card_of(request.folder)
    path = request.folder
    if not is_bundle_file(path):
        path = path / wire.CARD_FILE
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    asked = f"{request.app}\0{request.is_unsigned}\0{request.max_p95_ms}"
    digest.update(asked.encode())
    return digest.hexdigest()
