"""Measures a real network into a profile of one's own."""

from __future__ import annotations

import contextlib
import json
import socket
import statistics
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Self

from edgekit.core.errors import ConfigError
from edgekit.core.network import NetworkProfile
from edgekit.networks import speed

ROUND_TRIPS = 50
QUARTILES_PER_DEVIATION = 1.349
"""Distance of the quartiles of a normal distribution in standard deviations: rare stalls of either
machine do not count as jitter."""
MOST_CONNECTIONS = 8
"""At a time: whoever measures wants the network for itself."""


class Listener:
    """The side that answers."""

    def __init__(self, server: socket.socket) -> None:
        self.server = server
        self.port = int(server.getsockname()[1])
        self.slots = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        with contextlib.suppress(OSError):  # wakes the thread up
            self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()

    def wait(self) -> None:
        """Returns when it was ended from outside."""
        self.thread.join()

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self.server.accept()
                connection.settimeout(speed.TIMEOUT_S)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self.slots, contextlib.suppress(OSError):
            speed.answer(connection)


def listen(host: str, port: int) -> Listener:
    """Takes connections of `measure`; port 0 chooses one.

    Raises:
        ConfigError: the address cannot be used.
    """
    try:
        return Listener(socket.create_server((host, port)))
    except OSError as err:
        raise ConfigError(
            f"{host}:{port} cannot be used: {err.strerror or err}", hint="--port 0"
        ) from err


def measure(address: str, *, name: str, seconds: float) -> NetworkProfile:
    """Round trip, jitter and both rates to a machine that listens.

    Args:
        address: ``host:port``.
        name: id of the profile.
        seconds: about how long each bulk transfer is to take.

    Raises:
        ConfigError: the address is none.
        EndpointFailed: nobody answers there.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(f"{address!r} is no address", hint="edgekit net measure host:8099")
    with speed.connect(host.strip("[]"), int(port)) as client:
        trips = speed.round_trips_ms(client, ROUND_TRIPS)
        rates = [
            speed.rate_kbit_s(client, speed.bytes_for_s(client, seconds, up=up), up=up)
            for up in (True, False)
        ]
    low, _, high = statistics.quantiles(trips, n=4)
    jitter_ms = (high - low) / QUARTILES_PER_DEVIATION / 2**0.5  # each way varies by itself
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return NetworkProfile(
        id=name,
        name=f"measured to {host}",
        rtt_ms=round(speed.typical_ms(trips), 3),
        jitter_ms=round(jitter_ms, 3),
        up_kbit_s=round(rates[0], 1),
        down_kbit_s=round(rates[1], 1),
        source=f"edgekit net measure {address}, {day}",
    )


def write_profile(network: NetworkProfile, path: Path) -> None:
    """Writes a network as a file that `edgekit.networks.catalog` reads.

    Raises:
        ConfigError: it cannot be written.
    """
    defaults = NetworkProfile("", "", 0.0, 0.0, 0.0, 0.0, "")
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in asdict(network).items()
        if key in ("id", "name", "rtt_ms", "jitter_ms", "up_kbit_s", "down_kbit_s", "source")
        or value != getattr(defaults, key)
    ]
    if path.suffix != ".toml":
        raise ConfigError(f"{path}: expected a name that ends in .toml")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as err:
        raise ConfigError(f"{path} cannot be written: {err.strerror}") from err
