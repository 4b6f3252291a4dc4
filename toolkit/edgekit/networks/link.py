"""The shaping link as the host sees it."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Self

from edgekit.core.network import NetworkProfile
from edgekit.toolenvs.child import Child

START_TIMEOUT_S = 20


class ShapingLink:
    """A port on loopback that leads to a target as if over the network given."""

    host = "127.0.0.1"

    def __init__(self, network: NetworkProfile, target_host: str, target_port: int) -> None:
        self.network = network
        self.settings = {
            "host": target_host,
            "port": target_port,
            "rtt_ms": network.rtt_ms,
            "jitter_ms": network.jitter_ms,
            "up_kbit_s": network.up_kbit_s,
            "down_kbit_s": network.down_kbit_s,
        }
        self._child: Child | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def port(self) -> int:
        """Where to connect while it runs."""
        assert self._child
        return self._child.port

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="edgekit-link-")
        argv = [sys.executable, "-m", "edgekit.networks.link_process", json.dumps(self.settings)]
        self._child = Child(
            argv,
            name="shaping link",
            log=Path(self._folder.name) / "log.txt",
            timeout_s=START_TIMEOUT_S,
        )
        return self

    def __exit__(self, *details: object) -> None:
        if self._child:
            self._child.close()
        if self._folder:
            self._folder.cleanup()
