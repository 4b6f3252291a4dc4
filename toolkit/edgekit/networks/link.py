"""The shaping link as the host sees it."""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from edgekit.core.network import NetworkProfile
from edgekit.networks.catalog import trace_path
from edgekit.toolenvs.child import Child

START_TIMEOUT_S = 20


@dataclass(frozen=True)
class LinkFaults:
    """What goes wrong on the way to the target; each happens once."""

    cut_after_bytes: int = 0
    """Connections are reset after so many bytes; 0: never."""
    stall_after_bytes: int = 0
    """Nothing passes any more after so many bytes; 0: never."""
    stall_s: float = 1e9
    """And goes on after that time."""


NO_FAULTS = LinkFaults()


class ShapingLink:
    """A port on loopback that leads to a target as if over the network given."""

    host = "127.0.0.1"

    def __init__(
        self,
        network: NetworkProfile,
        target_host: str,
        target_port: int,
        *,
        faults: LinkFaults = NO_FAULTS,
    ) -> None:
        self.network = network
        self.settings: dict[str, Any] = {  # Any: JSON
            "host": target_host,
            "port": target_port,
            "rtt_ms": network.rtt_ms,
            "jitter_ms": network.jitter_ms,
            "up_kbit_s": network.up_kbit_s,
            "down_kbit_s": network.down_kbit_s,
            "queue_ms": network.queue_ms,
            "loss_share": network.loss_share,
        }
        for key in ("up_trace", "down_trace"):
            name = getattr(network, key)
            self.settings[key] = str(trace_path(name)) if name else ""
        if faults.cut_after_bytes:
            self.settings["cut_after_bytes"] = faults.cut_after_bytes
        if faults.stall_after_bytes:
            self.settings |= {
                "stall_after_bytes": faults.stall_after_bytes,
                "stall_s": faults.stall_s,
            }
        self._child: Child | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def port(self) -> int:
        """Where to connect while it runs."""
        assert self._child
        return self._child.port

    def change(self, network: NetworkProfile) -> None:
        """Behaves like another network of constant rates from now on."""
        fields = dataclasses.asdict(network)
        names = ("rtt_ms", "jitter_ms", "up_kbit_s", "down_kbit_s", "queue_ms", "loss_share")
        self._tell({name: fields[name] for name in names})

    def cut(self, *, is_down: bool = False) -> None:
        """Resets every connection; ``is_down`` refuses new ones as well, until `restore`."""
        self._tell({"cut": True, "is_down": is_down})

    def restore(self) -> None:
        """Takes connections again."""
        self._tell({"is_down": False})

    def stall(self, seconds: float) -> None:
        """Lets nothing pass for a while; connections stay open."""
        self._tell({"stall_s": seconds})

    def _tell(self, settings: dict[str, Any]) -> None:  # Any: JSON
        assert self._child and self._child.process.stdin
        self._child.process.stdin.write((json.dumps(settings) + "\n").encode())
        self._child.process.stdin.flush()

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
