"""Measures what a shaping link really does."""

from __future__ import annotations

import contextlib
import socket
import threading

from edgekit.core.network import LinkCheck, NetworkProfile
from edgekit.networks import speed
from edgekit.networks.catalog import trace_path
from edgekit.networks.link import ShapingLink
from edgekit.networks.model import parse_trace

BULK_S = 1.5
"""How long a bulk transfer is meant to take at the profile's rate."""
UNLIMITED_BULK_BYTES = 32_000_000


def check_link(network: NetworkProfile, *, bulk_s: float = BULK_S) -> LinkCheck:
    """Round trip and rates through a link of this network, measured over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server,), daemon=True)
        thread.start()
        with (
            ShapingLink(network, "127.0.0.1", server.getsockname()[1]) as link,
            speed.connect(link.host, link.port) as client,
        ):
            rtt_ms = speed.typical_ms(speed.round_trips_ms(client))
            up, down = (
                speed.rate_kbit_s(
                    client, _bulk_bytes(nominal_kbit_s(network, name), bulk_s), up=is_up
                )
                for name, is_up in (("up", True), ("down", False))
            )
        thread.join(timeout=5)
    return LinkCheck(network, rtt_ms, up, down)


def nominal_kbit_s(network: NetworkProfile, direction: str) -> float:
    """The rate of ``up`` or ``down``, a trace's on average; 0 means unlimited."""
    trace = getattr(network, f"{direction}_trace")
    if trace:
        return parse_trace(trace_path(trace).read_text(encoding="utf-8")).mean_kbit_s
    return float(getattr(network, f"{direction}_kbit_s"))


def _bulk_bytes(kbit_s: float, seconds: float) -> int:
    return int(kbit_s * 1e3 / 8 * seconds) if kbit_s > 0 else UNLIMITED_BULK_BYTES


def _serve(server: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the measuring side is done with it
        speed.answer(server.accept()[0])
