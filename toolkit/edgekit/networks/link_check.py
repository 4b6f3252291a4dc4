"""Measures what a shaping link really does."""

from __future__ import annotations

import socket
import statistics
import threading
import time

from edgekit.core.network import LinkCheck, NetworkProfile
from edgekit.networks.link import ShapingLink

ECHOES = 15
WARM_BYTES = 64
BULK_S = 1.5
"""How long a bulk transfer is meant to take at the profile's rate."""
UNLIMITED_BULK_BYTES = 32_000_000


def check_link(network: NetworkProfile) -> LinkCheck:
    """Round trip and rates through a link of this network, measured over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server,), daemon=True)
        thread.start()
        with (
            ShapingLink(network, "127.0.0.1", server.getsockname()[1]) as link,
            socket.create_connection((link.host, link.port)) as client,
        ):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            rtt_ms = _round_trip_ms(client)
            up = _rate_kbit_s(client, network.up_kbit_s, up=True)
            down = _rate_kbit_s(client, network.down_kbit_s, up=False)
        thread.join(timeout=5)
    return LinkCheck(network, rtt_ms, up, down)


def _serve(server: socket.socket) -> None:
    """Answers a line ``<up bytes> <down bytes>`` by reading and sending that much."""
    connection, _ = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as stream:
        while line := stream.readline():
            up, down = map(int, line.split())
            while up > 0:
                up -= len(stream.read(min(up, 1 << 16)))
            connection.sendall(b"x" * down)


def _ask(client: socket.socket, up: int, down: int) -> float:
    """Seconds until the whole answer is there."""
    started = time.perf_counter()
    client.sendall(f"{up} {down}\n".encode() + b"x" * up)
    while down > 0:
        down -= len(client.recv(min(down, 1 << 16)))
    return time.perf_counter() - started


def _round_trip_ms(client: socket.socket) -> float:
    _ask(client, 0, 1)  # the handshake's round trip falls on the first exchange
    return statistics.median(_ask(client, 0, 1) for _ in range(ECHOES)) * 1e3


def _rate_kbit_s(client: socket.socket, kbit_s: float, *, up: bool) -> float:
    """Slope between a short and a long transfer, which takes the round trip out."""
    size = int(kbit_s * 1e3 / 8 * BULK_S) if kbit_s > 0 else UNLIMITED_BULK_BYTES
    small = size // 10
    times = []
    for count in (small, size):
        sent, wanted = (count, 1) if up else (0, count)
        times.append(_ask(client, sent, wanted))
    return (size - small) * 8 / 1e3 / max(times[1] - times[0], 1e-9)
