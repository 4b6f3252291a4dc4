"""A front before a board's service and a cloud endpoint, in its own process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from edgekit.cloud.endpoint import parse_endpoint
from edgekit.cloud.hosted import HostedServer
from edgekit.core.errors import ConfigError


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


class Router(HostedServer):
    """Routes while the block lasts."""

    MODULE: ClassVar[str] = "edgekit.cloud.serving.router"
    NAME: ClassVar[str] = "router"
    START_TIMEOUT_S: ClassVar[float] = 60
    environment = "cloud"

    def __init__(
        self,
        settings: RouterSettings,
        *,
        progress: Callable[[str], None] = lambda message: None,
    ) -> None:
        super().__init__(settings.host, progress)
        self.settings = settings

    def document(self) -> dict[str, Any]:  # Any: JSON
        """Where it listens, and what goes where."""
        return self.settings.document()

    @property
    def endpoint(self) -> str:
        """``http://host:port`` while it runs."""
        assert self._child
        return f"http://{self._host}:{self._child.port}"
