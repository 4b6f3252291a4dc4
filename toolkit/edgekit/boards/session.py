"""Talks to the runner on a board: one command, JSON in, JSON lines out."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from edgekit.boards.runner_archive import runner_archive
from edgekit.boards.transports.contract import Transport
from edgekit.core.errors import (
    BoardError,
    BoardMismatch,
    CommandFailed,
    DiskFull,
    EdgekitError,
    EndpointFailed,
    EngineMissing,
    RunnerFailed,
    VerificationFailed,
)
from edgekit.core.text import plain_line
from edgekit_runner import wire

Event = dict[str, Any]  # Any: JSON
OnEvent = Callable[[Event], None]

PYTHON = "python3"
MAX_LINE_BYTES = 8_000_000
"""A board that sends longer lines is not talking our language."""
FAILURES: Mapping[str, type[EdgekitError]] = {
    wire.ERROR_BUSY: BoardError,
    wire.ERROR_ENDPOINT: EndpointFailed,
    wire.ERROR_IO: BoardError,
    wire.ERROR_MISMATCH: BoardMismatch,
    wire.ERROR_REPLAY: VerificationFailed,
    wire.ERROR_SIGNATURE: VerificationFailed,
    wire.ERROR_STORAGE: BoardError,
    wire.ERROR_NO_SYSTEMD: BoardMismatch,
    wire.ERROR_UNHEALTHY: BoardError,
    wire.ERROR_MISSING_BLOB: BoardError,
    wire.ERROR_NO_RELEASE: BoardError,
    wire.ERROR_NO_SPACE: DiskFull,
    wire.ERROR_HASH_MISMATCH: VerificationFailed,
    wire.ERROR_GOLDEN_FAILED: VerificationFailed,
    wire.ERROR_ENGINE_MISSING: EngineMissing,
    wire.ERROR_OUT_OF_MEMORY: BoardError,
}
PLACE_BLOB = """\
import hashlib, os, sys
path, wanted, part = sys.argv[1:4]
def digest(name):
    with open(name, "rb") as stream:
        data = stream.read()
        os.fsync(stream.fileno())
    return hashlib.sha256(data).hexdigest()
if part and digest(part) == wanted:
    os.chmod(part, 0o444)
    os.replace(part, path)
elif not part:
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
print(digest(path) if os.path.exists(path) else "absent")
"""
"""Runs on the board before the runner is there: hashes a blob, or moves a sent one into place."""


START = """\
import hashlib, os, runpy, sys
path, wanted, command = sys.argv[1:4]
try:
    with open(path, "rb") as stream:
        found = hashlib.sha256(stream.read()).hexdigest()
except OSError:
    found = ""
if found != wanted:
    print('{"event": "absent"}')
    sys.exit(3)
sys.argv = [path, command]
runpy.run_path(path, run_name="__main__")
"""
"""Runs on the board: the runner's command when the runner is there intact, all in one round trip."""


class RunnerSession:
    """The runner at a path on a board."""

    def __init__(self, transport: Transport, runner_path: str) -> None:
        self.transport = transport
        self.runner_path = runner_path

    def call(
        self,
        command: str,
        request: Mapping[str, object],
        *,
        timeout_s: float = 120,
        on_event: OnEvent | None = None,
    ) -> list[Event]:
        """Runs one command of the runner and gives its events but ``done``.

        Args:
            command: a command of :mod:`edgekit_runner.wire`.
            request: its JSON request.
            timeout_s: longest time that it may take.
            on_event: receives each event as it arrives; samples (``rows``) are then not given.

        Raises:
            EdgekitError: as the runner's ``error`` event says.
            RunnerFailed: it ended without ``done``, or spoke another language.
        """
        argv = [PYTHON, "-I", self.runner_path, command]
        return self._exchange(argv, command, request, timeout_s=timeout_s, on_event=on_event)

    def _exchange(
        self,
        argv: list[str],
        command: str,
        request: Mapping[str, object],
        *,
        timeout_s: float,
        on_event: OnEvent | None = None,
    ) -> list[Event]:
        events: list[Event] = []

        def take(line: bytes) -> None:
            event = _parse(line, command)
            if on_event is None or event["event"] != "rows":  # the samples of hours are not kept
                events.append(event)
            if on_event:
                on_event(event)

        done = self.transport.run(
            argv,
            stdin=json.dumps(request).encode(),
            timeout_s=timeout_s,
            on_line=take,
        )
        last = events[-1] if events else {"event": ""}
        if last["event"] == "error":
            raise _failure(last)
        if last["event"] == "absent":
            raise RunnerAbsent
        if last["event"] != "done" or done.code != 0:
            raise RunnerFailed(
                f"the runner ended its {command} with exit code {done.code}: "
                f"{last_words(done.stderr)}",
                hint="is the board out of memory? see: dmesg | tail",
                details={"exit_code": done.code},
            )
        if last.get("wire") != wire.WIRE_VERSION:
            raise RunnerFailed(f"the runner speaks wire version {last.get('wire')}")
        return events[:-1]

    def start(
        self, command: str, request: Mapping[str, object], *, timeout_s: float = 120
    ) -> list[Event]:
        """As :meth:`call`, for the first command: the runner is sent first when it is not there.

        Where it is there, this takes one round trip.

        Raises:
            BoardMismatch: the board has no Python that can run it.
        """
        wanted = os.path.basename(self.runner_path)
        argv = [PYTHON, "-I", "-c", START, self.runner_path, wanted, command]
        try:
            return self._exchange(argv, command, request, timeout_s=timeout_s)
        except (RunnerAbsent, RunnerFailed):
            ensure_runner(self.transport)
            return self.call(command, request, timeout_s=timeout_s)

    def one(self, command: str, request: Mapping[str, object], event: str) -> Event:
        """The one event of that name which the command gives.

        Raises:
            RunnerFailed: it did not give it.
        """
        for found in self.call(command, request):
            if found["event"] == event:
                return found
        raise RunnerFailed(f"the runner's {command} gave no {event} event")


class RunnerAbsent(Exception):
    """The runner does not lie on the board."""


def runner_session(transport: Transport) -> RunnerSession:
    """The runner's place on a board, whether or not it is there yet; see RunnerSession.start."""
    wanted = hashlib.sha256(runner_archive()).hexdigest()
    store = f"{transport.home}/{wire.HOME_FOLDER}/{wire.STORE_FOLDER}"
    return RunnerSession(transport, f"{store}/{wanted}")


def ensure_runner(transport: Transport) -> RunnerSession:
    """The runner on the board, sent when it is not there intact.

    Raises:
        BoardMismatch: the board has no Python that can run it.
        VerificationFailed: what arrived is not what was sent.
    """
    archive = runner_archive()
    wanted = hashlib.sha256(archive).hexdigest()
    session = runner_session(transport)
    path, part = session.runner_path, f"{session.runner_path}.part"
    if _place(transport, path, wanted, "") != wanted:
        transport.put(archive, part)
        found = _place(transport, path, wanted, part)
        if found != wanted:
            raise VerificationFailed(
                f"the runner arrived with hash {found[:12]} instead of {wanted[:12]}",
                hint="run the same command again; if it stays so, check the board's storage",
            )
    return session


def last_words(stderr: bytes) -> str:
    """The last line of what a program said on stderr, safe to print."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return printable(lines[-1])[:300] if lines else "it said nothing"


def printable(text: str) -> str:
    """Text from a board without control characters, which could steer a terminal."""
    return plain_line(text)


def _place(transport: Transport, path: str, wanted: str, part: str) -> str:
    done = transport.run([PYTHON, "-I", "-c", PLACE_BLOB, path, wanted, part], timeout_s=30)
    if done.code in (126, 127):
        raise BoardMismatch(
            f"the board has no {PYTHON}: {last_words(done.stderr)}",
            hint="on the board: sudo apt install python3",
        )
    if done.code != 0:
        text = last_words(done.stderr)
        kind = DiskFull if "No space left" in text else CommandFailed
        raise kind(f"the board cannot store the runner: {text}")
    return done.stdout.decode("ascii", "replace").strip()


def _parse(line: bytes, command: str) -> Event:
    if len(line) > MAX_LINE_BYTES:
        raise RunnerFailed(f"the runner's {command} sent a line of {len(line)} bytes")
    try:
        event = json.loads(line)
    except ValueError as err:
        shown = printable(line[:80].decode("utf-8", "replace"))
        raise RunnerFailed(f"the runner's {command} sent {shown!r}, not JSON") from err
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        raise RunnerFailed(f"the runner's {command} sent JSON that is no event")
    return event


def _failure(event: Event) -> EdgekitError:
    kind = FAILURES.get(str(event.get("code")), RunnerFailed)
    message = printable(str(event.get("message", "")))[:1000]
    return kind(
        message, hint=printable(str(event.get("hint", ""))), details={"code": event.get("code")}
    )
