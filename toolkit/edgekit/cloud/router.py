"""A front before a board's service and a cloud endpoint, in its own process."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from edgekit.cloud.endpoint import parse_endpoint
from edgekit.core.errors import ConfigError
from edgekit.toolenvs.child import Child
from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.worker import source_path, worker_variables

START_TIMEOUT_S = 60


@dataclass(frozen=True)
class Upstream:
    """One side: its address, and the model's name there where it differs."""

    url: str
    model: str = ""
    ca_file: Path | None = None

    def document(self) -> dict[str, Any]:  # Any: JSON
        """What the router's process is told.

        Raises:
            ConfigError: it is no REST endpoint, or the certificates are missing.
        """
        address = parse_endpoint(self.url)
        if address.protocol != "rest":
            raise ConfigError(
                f"{self.url}: requests are routed over REST only",
                hint=f"http://{address.host}:8080, the HTTP port of the same server",
            )
        if self.ca_file is not None and not self.ca_file.is_file():
            raise ConfigError(f"{self.ca_file}: no such file")
        host = f"[{address.host}]" if ":" in address.host else address.host
        url = f"http{'s' if address.is_tls else ''}://{host}:{address.port}"
        certificates = str(self.ca_file.absolute()) if self.ca_file else ""
        return {"url": url, "model": self.model, "ca_file": certificates}


@dataclass(frozen=True)
class RouterSettings:
    """What is routed where, and how."""

    edge: Upstream
    cloud: Upstream
    deadline_ms: float
    prefer: str = "edge"
    """edge, cloud, or fastest."""
    edge_in_flight: int = 2
    """More requests at a time go to the cloud."""
    host: str = "127.0.0.1"
    port: int = 0
    """0 chooses one."""
    max_body_mb: float = 64.0

    def document(self) -> dict[str, Any]:  # Any: JSON
        """What the router's process is told."""
        return {
            "edge": self.edge.document(),
            "cloud": self.cloud.document(),
            "deadline_s": self.deadline_ms / 1e3,
            "prefer": self.prefer,
            "most_in_flight": self.edge_in_flight,
            "host": self.host,
            "port": self.port,
            "max_body_bytes": int(self.max_body_mb * (1 << 20)),
        }


class Router:
    """Routes while the block lasts."""

    def __init__(
        self,
        settings: RouterSettings,
        *,
        progress: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.settings = settings
        self.progress = progress
        self._child: Child | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    @property
    def endpoint(self) -> str:
        """``http://host:port`` while it runs."""
        assert self._child
        host = self.settings.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._child.port}"

    def __enter__(self) -> Self:
        document = self.settings.document()
        python = ensure("cloud", progress=self.progress)
        self._scratch = tempfile.TemporaryDirectory(prefix="edgekit-router-")
        argv = [str(python), "-m", "edgekit.cloud.serving.router", json.dumps(document)]
        try:
            self._child = Child(
                argv,
                name="router",
                log=Path(self._scratch.name) / "log.txt",
                timeout_s=START_TIMEOUT_S,
                env=worker_variables(source_path()),
            )
        except BaseException:
            self._scratch.cleanup()
            raise
        return self

    def wait(self) -> int:
        """Waits until the router ends by itself; gives its exit code."""
        assert self._child
        return self._child.process.wait()

    def __exit__(self, *details: object) -> None:
        if self._child:
            self._child.close()
        if self._scratch:
            self._scratch.cleanup()
