"""Servers that keep a tool environment's libraries imported, for many calls in a row."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgekit.core.errors import StepFailed


class ForkedCall:
    """A call in progress, in the manner of a ``Popen``."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self.server = server
        self.pid = pid

    def wait(self, timeout: float | None = None) -> int:
        """The exit code.

        Raises:
            subprocess.TimeoutExpired: it did not end in time.
        """
        return self.server.ended(timeout)


class ForkServer:
    """One server process; it does one call at a time."""

    def __init__(self, command: Sequence[str], variables: Mapping[str, str], log: Path) -> None:
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()  # Any: JSON
        self._code: int | None = None
        with open(log, "ab") as stream:
            self.process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                env=dict(variables),
                start_new_session=True,
                text=True,
            )
        threading.Thread(target=self._read, daemon=True).start()
        if "ready" not in self._answer(600):
            raise StepFailed("a server of a tool environment did not start", hint=f"see {log}")

    def start(self, call: Mapping[str, str]) -> ForkedCall:
        """Begins a call; the one before has to have ended."""
        assert self.process.stdin
        self._code = None
        self.process.stdin.write(json.dumps(dict(call)) + "\n")
        self.process.stdin.flush()
        return ForkedCall(self, int(self._answer(60)["pid"]))

    def ended(self, timeout: float | None) -> int:
        """The exit code of the call in progress."""
        if self._code is None:
            try:
                self._code = int(self._answers.get(timeout=timeout)["code"])
            except queue.Empty:
                raise subprocess.TimeoutExpired("a forked call", timeout or 0) from None
        return self._code

    @property
    def is_alive(self) -> bool:
        """True when it can take a call."""
        return self.process.poll() is None

    def close(self) -> None:
        """Ends the server."""
        if self.process.stdin:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._answers.put(json.loads(line))
        self._answers.put({})

    def _answer(self, timeout: float) -> dict[str, Any]:  # Any: JSON
        try:
            return self._answers.get(timeout=timeout)
        except queue.Empty:
            raise StepFailed("a server of a tool environment is silent") from None


class ForkServers:
    """Servers by environment, as many as calls run at once; made when first needed."""

    def __init__(self, modules: Mapping[str, Sequence[str]]) -> None:
        self.modules = modules
        """Environment to what its servers import beforehand; others are called as usual."""
        self._idle: dict[str, list[ForkServer]] = {name: [] for name in modules}
        self._lock = threading.Lock()

    def begin(
        self, environment: str, python: Path, variables: Mapping[str, str], call: Mapping[str, str]
    ) -> ForkedCall:
        """Starts a call in a server that does nothing now."""
        with self._lock:
            while self._idle[environment]:
                server = self._idle[environment].pop()
                if server.is_alive:
                    return server.start(call)
                server.close()
        command = [str(python), "-m", "edgekit.toolenvs.forking", *self.modules[environment]]
        return ForkServer(command, variables, Path(call["log"])).start(call)

    def give_back(self, environment: str, server: ForkServer) -> None:
        """It may take the next call."""
        with self._lock:
            self._idle[environment].append(server)

    def close(self) -> None:
        """Ends all of them."""
        with self._lock:
            for servers in self._idle.values():
                while servers:
                    servers.pop().close()


_active: list[ForkServers] = []


def active_servers(environment: str) -> ForkServers | None:
    """The servers that calls into the environment shall use, if any."""
    return next((s for s in reversed(_active) if environment in s.modules), None)


@contextlib.contextmanager
def fork_servers(modules: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """Calls into these environments are forks of servers, as long as the context lasts.

    Args:
        modules: environment to what its servers import beforehand.
    """
    servers = ForkServers(modules)
    _active.append(servers)
    try:
        yield
    finally:
        _active.remove(servers)
        servers.close()
