"""The shaping link: a TCP relay with delay and rate, in a process of its own.

``python -m edgekit.networks.link_process '{"host", "port", "rtt_ms", "jitter_ms", "up_kbit_s",
"down_kbit_s", "seed"}'`` prints one JSON line with its port and relays until stdin closes.

Bytes leave one after the other at the rate of their direction, which all connections share, and
arrive half a round trip later, in order. A new connection pays one round trip for its handshake.
Loss and slow start are not modelled: a reused connection, as an inference client has, is past it.
"""

from __future__ import annotations

import heapq
import json
import random
import selectors
import socket
import sys
import time
from dataclasses import dataclass
from typing import Any

SEGMENT_BYTES = 1448
"""Payload of a full TCP segment over Ethernet."""
LARGEST_READ_BYTES = 1 << 16
BUFFERED_BYTES = 4 << 20
"""A direction that holds more stops reading, as a full send buffer does."""
UNLIMITED_READ_BYTES = 1 << 18


@dataclass
class Direction:
    """One direction of the link: its rate is shared by all connections."""

    kbit_s: float
    free_at_s: float = 0.0

    def leave_s(self, now_s: float, size_bytes: int) -> float:
        """When the last of the bytes has left the sender."""
        if self.kbit_s <= 0:
            return now_s
        begin = max(now_s, self.free_at_s)
        self.free_at_s = begin + size_bytes * 8 / (self.kbit_s * 1e3)
        return self.free_at_s

    @property
    def read_bytes(self) -> int:
        """How much to take at once: about 2 ms worth, so that pacing is smooth."""
        if self.kbit_s <= 0:
            return UNLIMITED_READ_BYTES
        wanted = int(self.kbit_s * 1e3 / 8 * 0.002)
        return min(max(wanted, SEGMENT_BYTES), LARGEST_READ_BYTES)


@dataclass
class Pipe:
    """Bytes of one connection in one direction."""

    source: socket.socket
    sink: socket.socket
    direction: Direction
    not_before_s: float
    """A handshake delays the first bytes."""
    buffered_bytes: int = 0
    last_arrival_s: float = 0.0
    is_open: bool = True
    is_done: bool = False
    partner: Pipe | None = None
    """The other direction of the connection."""


class Link:
    """All connections, in one loop."""

    def __init__(self, settings: dict[str, Any]) -> None:  # Any: JSON
        self.target = (settings["host"], settings["port"])
        self.delay_s = settings["rtt_ms"] / 2e3
        self.jitter_s = settings["jitter_ms"] / 1e3
        self.up = Direction(settings["up_kbit_s"])
        self.down = Direction(settings["down_kbit_s"])
        self.random = random.Random(settings.get("seed", 1))  # noqa: S311  no secret
        self.heap: list[tuple[float, int, Pipe, bytes]] = []
        self.count = 0
        self.selector = selectors.SelectSelector()  # epoll counts in whole milliseconds
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.selector.register(sys.stdin, selectors.EVENT_READ, "stdin")

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.listener.getsockname()[1])

    def run(self) -> None:
        """Relays until stdin closes."""
        while True:
            wait_s = max(self.heap[0][0] - time.monotonic(), 0.0) if self.heap else None
            for key, _ in self.selector.select(wait_s):
                if key.data == "stdin":
                    if not sys.stdin.readline():
                        return
                elif key.data is None:
                    self._accept()
                else:
                    self._read(key.data)
            self._deliver()

    def _accept(self) -> None:
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(self.target, timeout=10)
        except OSError:
            client.close()
            return
        now = time.monotonic()
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.setblocking(True)
            one.settimeout(30)
        opened = now + 2 * self.delay_s
        there, back = Pipe(client, server, self.up, opened), Pipe(server, client, self.down, now)
        there.partner, back.partner = back, there
        self._add(there)
        self._add(back)

    def _add(self, pipe: Pipe) -> None:
        self.selector.register(pipe.source, selectors.EVENT_READ, pipe)

    def _read(self, pipe: Pipe) -> None:
        now = time.monotonic()
        try:
            data = pipe.source.recv(pipe.direction.read_bytes)
        except OSError:
            data = b""
        leave = pipe.direction.leave_s(max(now, pipe.not_before_s), len(data))
        delay = self.delay_s
        if self.jitter_s:
            delay = max(0.0, delay + self.random.gauss(0, self.jitter_s))
        arrival = max(leave + delay, pipe.last_arrival_s)
        pipe.last_arrival_s = arrival
        pipe.buffered_bytes += len(data)
        self.count += 1
        heapq.heappush(self.heap, (arrival, self.count, pipe, data))
        if not data or pipe.buffered_bytes > BUFFERED_BYTES:
            self.selector.unregister(pipe.source)
            pipe.is_open = bool(data)

    def _deliver(self) -> None:
        while self.heap and self.heap[0][0] <= time.monotonic():
            _, _, pipe, data = heapq.heappop(self.heap)
            was_full = pipe.buffered_bytes > BUFFERED_BYTES
            pipe.buffered_bytes -= len(data)
            try:
                if data:
                    pipe.sink.sendall(data)
                else:
                    pipe.is_done = True
                    pipe.sink.shutdown(socket.SHUT_WR)
            except OSError:
                continue
            finally:
                if pipe.is_done and pipe.partner is not None and pipe.partner.is_done:
                    pipe.source.close()
                    pipe.sink.close()
            if was_full and pipe.is_open and pipe.buffered_bytes <= BUFFERED_BYTES:
                self._add(pipe)


def main() -> None:
    """Reads the settings, says the port, relays."""
    link = Link(json.loads(sys.argv[1]))
    sys.stdout.write(json.dumps({"port": link.port}) + "\n")
    sys.stdout.flush()
    link.run()


if __name__ == "__main__":
    main()
