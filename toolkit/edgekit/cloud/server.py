"""A cloud endpoint of ours: KServe's SDK in a tool environment, in its own process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from edgekit.cloud.hosted import HostedServer
from edgekit.cloud.options import ModelOptions
from edgekit.core.errors import ConfigError


@dataclass(frozen=True)
class ServerSettings:
    """Where the server listens, and to whom."""

    host: str = "127.0.0.1"
    grpc_port: int = 0
    """0 chooses one."""
    http_port: int = 0
    options: ModelOptions = field(default_factory=ModelOptions)
    token_file: Path | None = None
    """Its first line is the token that every request has to carry."""
    certificate: Path | None = None
    """PEM; with ``key`` the server speaks TLS."""
    key: Path | None = None
    max_body_mb: float = 64.0
    replicas: tuple[int, int] = (0, 0)
    """Fewest and most replicas of each model on Ray Serve; 0: computed in the server itself."""
    ray: str = "local"
    """The cluster's address; ``local`` starts one on this machine."""

    @property
    def environment(self) -> str:
        """The tool environment of the server."""
        return "cloud-ray" if self.replicas[0] else "cloud"

    def document(self, folders: Sequence[Path]) -> dict[str, Any]:  # Any: JSON
        """What the server's process is told.

        Raises:
            ConfigError: a file is missing, or a certificate has no key.
        """
        if (self.certificate is None) != (self.key is None):
            raise ConfigError(
                "a certificate and its key belong together", hint="--tls-cert --tls-key"
            )
        for path in (self.token_file, self.certificate, self.key):
            if path is not None and not path.is_file():
                raise ConfigError(f"{path}: no such file")
        files = {
            name: str(path.absolute())
            for name in ("token_file", "certificate", "key")
            if (path := getattr(self, name)) is not None
        }
        return {
            "folders": [str(folder.absolute()) for folder in folders],
            "host": self.host,
            "grpc_port": self.grpc_port,
            "http_port": self.http_port,
            "options": asdict(self.options),
            "max_body_bytes": int(self.max_body_mb * (1 << 20)),
            "replicas": list(self.replicas) if self.replicas[0] else [],
            "ray": self.ray,
            **files,
        }


class CloudServer(HostedServer):
    """Serves artifact folders over the Open Inference Protocol v2 while the block lasts."""

    MODULE: ClassVar[str] = "edgekit.cloud.serving.server"
    NAME: ClassVar[str] = "model server"
    START_TIMEOUT_S: ClassVar[float] = 120

    def __init__(
        self,
        *folders: Path,
        settings: ServerSettings | None = None,
        progress: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.folders = folders
        self.settings = settings or ServerSettings()
        super().__init__(self.settings.host, progress)

    @property
    def environment(self) -> str:
        """With or without Ray, as the settings want."""
        return self.settings.environment

    def document(self) -> dict[str, Any]:  # Any: JSON
        """The folders, and where they are served to whom."""
        return self.settings.document(self.folders)

    @property
    def port(self) -> int:
        """The gRPC port while it runs."""
        assert self._child
        return self._child.port

    @property
    def http_port(self) -> int:
        """The REST port while it runs."""
        assert self._child
        return self._child.announced["http_port"]

    @property
    def pid(self) -> int:
        """The server's process while it runs."""
        assert self._child
        return self._child.process.pid

    @property
    def endpoint(self) -> str:
        """``grpc://host:port`` while it runs."""
        scheme = "grpcs" if self.settings.certificate else "grpc"
        return f"{scheme}://{self._host}:{self.port}"

    @property
    def http_endpoint(self) -> str:
        """``http://host:port`` while it runs."""
        scheme = "https" if self.settings.certificate else "http"
        return f"{scheme}://{self._host}:{self.http_port}"
