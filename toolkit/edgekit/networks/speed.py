"""Round trips and rates between two machines, over one TCP connection.

The one side answers lines ``<up bytes> <down bytes>``: it reads so many bytes and sends so many. The
other side times it, so no clocks need to agree.
"""

from __future__ import annotations

import socket
import statistics
import time

from edgekit.core.errors import EndpointFailed

ECHOES = 15
LARGEST_BYTES = 1 << 30
"""More is refused in one exchange."""
FIRST_BYTES = 1 << 16
TIMEOUT_S = 60.0


def answer(connection: socket.socket) -> None:
    """Serves one connection until the other side closes it."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as stream:
        while line := stream.readline(64):
            try:
                up, down = map(int, line.split())
            except ValueError:
                return
            if not (0 <= up <= LARGEST_BYTES and 0 <= down <= LARGEST_BYTES):
                return
            while up > 0:
                data = stream.read(min(up, 1 << 16))
                if not data:
                    return
                up -= len(data)
            connection.sendall(bytes(down))


def connect(host: str, port: int) -> socket.socket:
    """A connection to the side that answers.

    Raises:
        EndpointFailed: nobody answers there.
    """
    try:
        client = socket.create_connection((host, port), timeout=10)
    except OSError as err:
        raise EndpointFailed(
            f"nothing answers at {host}:{port}: {err.strerror or err}",
            hint="start the other side there: edgekit net listen",
        ) from err
    client.settimeout(TIMEOUT_S)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def exchange_s(client: socket.socket, up_bytes: int, down_bytes: int) -> float:
    """Seconds until the whole answer is there.

    Raises:
        EndpointFailed: the other side went away, or speaks something else.
    """
    started = time.perf_counter()
    try:
        client.sendall(f"{up_bytes} {down_bytes}\n".encode() + bytes(up_bytes))
        while down_bytes > 0:
            data = client.recv(min(down_bytes, 1 << 16))
            if not data:
                raise ConnectionResetError("it closed the connection")
            down_bytes -= len(data)
    except OSError as err:
        raise EndpointFailed(
            f"the other side does not answer as `edgekit net listen` does: {err}"
        ) from err
    return time.perf_counter() - started


def round_trips_ms(client: socket.socket, count: int = ECHOES) -> list[float]:
    """Round trips of one byte; the connection's first exchange is left out."""
    exchange_s(client, 0, 1)  # an emulated handshake falls on it
    return [exchange_s(client, 0, 1) * 1e3 for _ in range(count)]


def rate_kbit_s(client: socket.socket, size_bytes: int, *, up: bool) -> float:
    """Slope between a short and a long transfer, which takes the round trip out.

    A transfer before them opens the congestion window, so that the link's rate is what limits.
    """
    small = size_bytes // 10
    _transfer_s(client, size_bytes, up=up)
    short, long = (_transfer_s(client, size, up=up) for size in (small, size_bytes))
    return (size_bytes - small) * 8 / 1e3 / max(long - short, 1e-9)


def bytes_for_s(client: socket.socket, seconds: float, *, up: bool) -> int:
    """A size whose transfer takes about that long, at most 256 MB."""
    size = FIRST_BYTES
    while True:
        took = _transfer_s(client, size, up=up)
        if took >= seconds / 2 or size >= 1 << 28:
            return size
        size *= 2 if took > seconds / 8 else 4


def typical_ms(round_trips: list[float]) -> float:
    """The median."""
    return statistics.median(round_trips)


def _transfer_s(client: socket.socket, size_bytes: int, *, up: bool) -> float:
    return exchange_s(client, *((size_bytes, 1) if up else (0, size_bytes)))
