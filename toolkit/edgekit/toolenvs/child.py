"""A process of ours that says its port, or ports, in one JSON line and ends when its stdin closes."""

from __future__ import annotations

import json
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgekit.core.errors import EdgekitError, EndpointFailed

END_TIMEOUT_S = 5


class Child:
    """A running child process."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        name: str,
        log: Path,
        timeout_s: float,
        env: Mapping[str, str] | None = None,
        error: type[EdgekitError] = EndpointFailed,
    ) -> None:
        self.name = name
        self.log = log
        self.error = error
        with open(log, "wb") as stream:
            self.process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                env=dict(env) if env else None,
                start_new_session=True,
            )
        try:
            self.announced = self._read_announcement(timeout_s)
            self.port = self.announced["port"]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the process and whatever it started."""
        process = self.process
        if process.stdin and not process.stdin.closed:
            process.stdin.close()
        try:
            process.wait(timeout=END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            pass
        try:
            process.send_signal(signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        if process.stdout:
            process.stdout.close()

    def _read_announcement(self, timeout_s: float) -> dict[str, int]:
        assert self.process.stdout
        deadline = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(max(deadline - time.monotonic(), 0)):
                raise self.error(
                    f"the {self.name} did not start within {timeout_s:.0f} s",
                    hint=f"see {self.log}",
                )
        line = self.process.stdout.readline()
        try:
            announced = {name: int(value) for name, value in json.loads(line).items()}
            announced["port"]
            return announced
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise self.error(
                f"the {self.name} did not start: {lines[-1] if lines else 'it said nothing'}"
            ) from err
