"""A server of the cloud room in its own process, in its tool environment, while a block lasts."""

from __future__ import annotations

import json
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

from edgekit.toolenvs.child import Child
from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.worker import source_path, worker_variables


class HostedServer(ABC):
    """Starts a module of the cloud room, tells it its settings, ends it with the block."""

    MODULE: ClassVar[str]
    """What is run; its only argument is the document as JSON."""
    NAME: ClassVar[str]
    """Of the process, in messages."""
    START_TIMEOUT_S: ClassVar[float]

    def __init__(self, host: str, progress: Callable[[str], None]) -> None:
        self.progress = progress
        self._listens_on = host
        self._child: Child | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    @property
    @abstractmethod
    def environment(self) -> str:
        """The tool environment that it runs in."""

    @abstractmethod
    def document(self) -> dict[str, Any]:  # Any: JSON
        """What its process is told."""

    @property
    def _host(self) -> str:
        """As an address has it."""
        return f"[{self._listens_on}]" if ":" in self._listens_on else self._listens_on

    def __enter__(self) -> Self:
        document = self.document()
        python = ensure(self.environment, progress=self.progress)
        self._scratch = tempfile.TemporaryDirectory(prefix="edgekit-server-")
        argv = [str(python), "-m", self.MODULE, json.dumps(document)]
        try:
            self._child = Child(
                argv,
                name=self.NAME,
                log=Path(self._scratch.name) / "log.txt",
                timeout_s=self.START_TIMEOUT_S,
                env=worker_variables(source_path()),
            )
        except BaseException:
            self._scratch.cleanup()
            raise
        return self

    def wait(self) -> int:
        """Waits until it ends by itself; gives its exit code."""
        assert self._child
        return self._child.process.wait()

    def __exit__(self, *details: object) -> None:
        if self._child:
            self._child.close()
        if self._scratch:
            self._scratch.cleanup()
