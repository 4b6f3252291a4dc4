"""A local cloud endpoint: KServe in a tool environment, in its own process."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Self

from edgekit.toolenvs.child import Child
from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.worker import source_path, worker_variables

START_TIMEOUT_S = 120


class CloudServer:
    """Serves an artifact folder over the Open Inference Protocol v2 while the block lasts."""

    def __init__(
        self,
        folder: Path,
        *,
        host: str = "127.0.0.1",
        grpc_port: int = 0,
        http_port: int = 0,
        threads: int = 0,
        progress: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.folder = folder
        self.host = host
        self.options = ["--host", host, "--grpc-port", str(grpc_port)]
        self.options += ["--http-port", str(http_port), "--threads", str(threads)]
        self.progress = progress
        self._child: Child | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    @property
    def port(self) -> int:
        """The gRPC port while it runs."""
        assert self._child
        return self._child.port

    @property
    def endpoint(self) -> str:
        """``grpc://host:port`` while it runs."""
        return f"grpc://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        python = ensure("cloud", progress=self.progress)
        self._scratch = tempfile.TemporaryDirectory(prefix="edgekit-server-")
        argv = [str(python), "-m", "edgekit.cloud.serving.server", str(self.folder.absolute())]
        try:
            self._child = Child(
                [*argv, *self.options],
                name="model server",
                log=Path(self._scratch.name) / "log.txt",
                timeout_s=START_TIMEOUT_S,
                env=worker_variables(source_path()),
            )
        except BaseException:
            self._scratch.cleanup()
            raise
        return self

    def wait(self) -> int:
        """Waits until the server ends by itself; gives its exit code."""
        assert self._child
        return self._child.process.wait()

    def __exit__(self, *details: object) -> None:
        if self._child:
            self._child.close()
        if self._scratch:
            self._scratch.cleanup()
