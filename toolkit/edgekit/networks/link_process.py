"""The shaping link: a TCP relay that behaves like a network, in a process of its own.

``python -m edgekit.networks.link_process SETTINGS`` prints one JSON line with its port and relays
until stdin closes. SETTINGS is JSON: host, port, rtt_ms, jitter_ms, up_kbit_s, down_kbit_s, and
optionally queue_ms, loss_share, up_trace, down_trace (paths), seed, and faults: cut_after_bytes
(towards the target, once), stall_after_bytes (once), stall_s. Each line on stdin is JSON that
changes settings while it runs; ``{"cut": true}`` resets every connection, ``{"stall_s": 2}``
stops all bytes for that long, ``{"is_down": true}`` refuses new ones as well until it is false.

Bytes leave one after the other at the rate of their direction, which all connections share, no
more of them than the sender's congestion window allows, and arrive half a round trip later, in
order. A new connection pays one round trip for its handshake. See model.py.
"""

from __future__ import annotations

import errno
import heapq
import json
import os
import random
import selectors
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgekit.networks.model import (
    LARGEST_WINDOW_BYTES,
    SEGMENT_BYTES,
    SMALLEST_QUEUE_S,
    Direction,
    Loss,
    Window,
    parse_trace,
)

CONNECT_TIMEOUT_S = 10


@dataclass
class Pipe:
    """Bytes of one connection in one direction."""

    direction: Direction
    window: Window
    not_before_s: float
    """A handshake delays the first bytes."""
    last_arrival_s: float = 0.0
    undelivered_bytes: int = 0
    arrived: deque[memoryview] = field(default_factory=deque)
    """What the reader has not taken yet."""
    has_ended: bool = False
    """The sender closed its side."""
    is_done: bool = False
    """And the reader knows."""

    @property
    def wants_more(self) -> bool:
        """True while there is room on the way and at the reader."""
        room = self.window.room_bytes >= min(SEGMENT_BYTES, self.window.size_bytes)
        return not self.has_ended and room and self.undelivered_bytes < LARGEST_WINDOW_BYTES


class End:
    """One of the two sockets of a connection."""

    def __init__(self, link: Link, one: socket.socket, reads: Pipe, writes: Pipe) -> None:
        self.link = link
        self.socket = one
        self.reads = reads
        self.writes = writes
        self.other: End = self
        self.events = 0

    def watch(self) -> None:
        """Tells the selector what the socket waits for."""
        wanted = selectors.EVENT_READ if self.reads.wants_more else 0
        wanted |= selectors.EVENT_WRITE if self.writes.arrived else 0
        if wanted == self.events:
            return
        if not self.events:
            self.link.selector.register(self.socket, wanted, self.ready)
        elif not wanted:
            self.link.selector.unregister(self.socket)
        else:
            self.link.selector.modify(self.socket, wanted, self.ready)
        self.events = wanted

    def ready(self, mask: int) -> None:
        """The socket has bytes, or takes some."""
        if mask & selectors.EVENT_WRITE:
            self.flush()
        if mask & selectors.EVENT_READ and self.events:
            self._read()

    def flush(self) -> None:
        """Hands over what arrived, as far as the reader takes it."""
        pipe = self.writes
        try:
            while pipe.arrived:
                data = pipe.arrived[0]
                if not data:
                    self.socket.shutdown(socket.SHUT_WR)
                    pipe.is_done = True
                    pipe.arrived.popleft()
                    break
                sent = self.socket.send(data)
                pipe.undelivered_bytes -= sent
                if sent == len(data):
                    pipe.arrived.popleft()
                else:
                    pipe.arrived[0] = data[sent:]
        except BlockingIOError:
            pass
        except OSError:
            self.link.close(self)
            return
        if pipe.is_done and self.reads.is_done:
            self.link.close(self)
            return
        self.watch()
        self.other.watch()

    def _read(self) -> None:
        pipe = self.reads
        try:
            data = self.socket.recv(min(pipe.direction.portion_bytes, pipe.window.room_bytes))
        except BlockingIOError:
            return
        except OSError:
            self.link.close(self, with_reset=True)
            return
        self.link.carry(pipe, data, self.other)
        self.watch()


class Link:
    """All connections, in one loop."""

    def __init__(self, settings: dict[str, Any]) -> None:  # Any: JSON
        self.settings: dict[str, Any] = {}  # Any: JSON
        self.up, self.down = Direction(0), Direction(0)
        self.random = random.Random(settings.get("seed", 1))  # noqa: S311  no secret
        self.heap: list[tuple[float, int, Callable[[], None]]] = []
        self.count = 0
        self.relayed_up_bytes = 0
        self.held_until_s = 0.0
        self.ends: set[End] = set()
        self.change(settings)
        target = socket.getaddrinfo(settings["host"], settings["port"], type=socket.SOCK_STREAM)
        self.family, self.address = target[0][0], target[0][4]
        self.connecting: dict[socket.socket, socket.socket] = {}
        """Sockets on their way to the target, with the client that waits for each."""
        self.partial = b""
        self.selector = selectors.SelectSelector()  # epoll counts in whole milliseconds
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, self._accept)
        self.selector.register(sys.stdin, selectors.EVENT_READ, self._command)
        self.is_running = True

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.listener.getsockname()[1])

    def change(self, settings: dict[str, Any]) -> None:  # Any: JSON
        """Takes settings, at the start or while it runs."""
        self.settings.update(settings)
        get = self.settings.get
        self.delay_s = get("rtt_ms", 0) / 2e3
        self.jitter_s = get("jitter_ms", 0) / 1e3
        queue_s = get("queue_ms", 0) / 1e3 or max(2 * self.delay_s, SMALLEST_QUEUE_S)
        self.loss = Loss(get("loss_share", 0), 2 * self.delay_s, self.random)
        for direction, name in ((self.up, "up"), (self.down, "down")):
            direction.kbit_s = get(f"{name}_kbit_s", 0)
            direction.queue_s = queue_s
            path = get(f"{name}_trace", "")
            direction.trace = parse_trace(Path(path).read_text()) if path else None
        for end in self.ends:
            end.reads.window.rtt_s = 2 * self.delay_s
        if settings.pop("cut", False):
            self.cut()
        if "stall_s" in settings and "stall_after_bytes" not in settings:
            self.held_until_s = time.monotonic() + settings["stall_s"]

    def run(self) -> None:
        """Relays until stdin closes."""
        while self.is_running:
            wait_s = max(self.heap[0][0] - time.monotonic(), 0.0) if self.heap else None
            for key, mask in self.selector.select(wait_s):
                key.data(mask)
            while self.heap and self.heap[0][0] <= time.monotonic():
                heapq.heappop(self.heap)[2]()

    def carry(self, pipe: Pipe, data: bytes, reader: End) -> None:
        """Takes bytes from a sender; they arrive when the network lets them."""
        now = time.monotonic()
        pipe.has_ended = not data
        sent = max(now, pipe.not_before_s)
        pipe.window.sent(now, len(data))
        if pipe.direction.is_full(now):
            pipe.window.shrink(now)
        delay = self.delay_s
        if self.jitter_s:
            delay = max(0.0, delay + self.random.gauss(0, self.jitter_s))
        following = self.loss.lost_after(len(data))
        if following is not None:
            delay += self.loss.delay_s(following)
            pipe.window.shrink(now)
        arrival = pipe.direction.leave_s(sent, len(data)) + delay
        arrival = max(arrival, pipe.last_arrival_s, self.held_until_s)
        pipe.last_arrival_s = arrival
        pipe.undelivered_bytes += len(data)
        self._at(arrival, lambda: self._arrive(pipe, data, reader))

    def close(self, end: End, *, with_reset: bool = False) -> None:
        """Ends a connection on both sides."""
        for one in (end, end.other):
            if one in self.ends:
                self.ends.discard(one)
                if one.events:
                    self.selector.unregister(one.socket)
                    one.events = 0
                if with_reset:
                    one.socket.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                    )
                one.socket.close()

    def cut(self) -> None:
        """Resets every connection, as a cable that is pulled and plugged in again does."""
        for end in list(self.ends):
            self.close(end, with_reset=True)

    def _at(self, when_s: float, action: Callable[[], None]) -> None:
        self.count += 1
        heapq.heappush(self.heap, (when_s, self.count, action))

    def _arrive(self, pipe: Pipe, data: bytes, reader: End) -> None:
        if reader not in self.ends:
            return
        now = time.monotonic()
        if now < self.held_until_s:
            self._at(self.held_until_s, lambda: self._arrive(pipe, data, reader))
            return
        allowed = self._before_fault(pipe, len(data))
        if allowed or not data:
            pipe.arrived.append(memoryview(data)[:allowed])
        if data:
            self._at(now + self.delay_s, lambda: self._acknowledge(pipe, len(data), reader))
        reader.flush()
        if allowed < len(data):
            self.cut()

    def _before_fault(self, pipe: Pipe, size_bytes: int) -> int:
        """How many of the bytes pass before a fault that was asked for; counts towards it."""
        if pipe.direction is not self.up:
            return size_bytes
        before = self.relayed_up_bytes
        self.relayed_up_bytes += size_bytes
        stall_at = self.settings.get("stall_after_bytes", 0)
        if stall_at and self.relayed_up_bytes >= stall_at:
            self.settings["stall_after_bytes"] = 0
            self.held_until_s = time.monotonic() + self.settings.get("stall_s", 1e9)
        cut_at = self.settings.get("cut_after_bytes", 0)
        if cut_at and self.relayed_up_bytes > cut_at:
            self.settings["cut_after_bytes"] = 0
            return int(cut_at - before)
        return size_bytes

    def _acknowledge(self, pipe: Pipe, size_bytes: int, reader: End) -> None:
        pipe.window.acknowledged(size_bytes)
        if reader in self.ends:
            reader.other.watch()

    def _accept(self, _: int) -> None:
        client, _address = self.listener.accept()
        if self.settings.get("is_down"):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            return
        server = socket.socket(self.family, socket.SOCK_STREAM)
        server.setblocking(False)
        if server.connect_ex(self.address) not in (0, errno.EINPROGRESS):
            client.close()
            server.close()
            return
        self.connecting[server] = client
        self.selector.register(server, selectors.EVENT_WRITE, lambda _: self._connected(server))
        self._at(time.monotonic() + CONNECT_TIMEOUT_S, lambda: self._give_up(server))

    def _give_up(self, server: socket.socket) -> None:
        client = self.connecting.pop(server, None)
        if client:
            self.selector.unregister(server)
            client.close()
            server.close()

    def _connected(self, server: socket.socket) -> None:
        if server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._give_up(server)
            return
        client = self.connecting.pop(server)
        self.selector.unregister(server)
        now, rtt_s = time.monotonic(), 2 * self.delay_s
        opened = now + rtt_s + self.loss.handshake_delay_s()
        there = Pipe(self.up, Window(rtt_s), opened)
        back = Pipe(self.down, Window(rtt_s), now)
        near, far = End(self, client, there, back), End(self, server, back, there)
        near.other, far.other = far, near
        for end in (near, far):
            end.socket.setblocking(False)
            end.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.ends.add(end)
            end.watch()

    def _command(self, _: int) -> None:
        data = os.read(sys.stdin.fileno(), 1 << 16)
        self.is_running = bool(data)
        *lines, self.partial = (self.partial + data).split(b"\n")
        for line in lines:
            self.change(json.loads(line))


def main() -> None:
    """Reads the settings, says the port, relays."""
    link = Link(json.loads(sys.argv[1]))
    sys.stdout.write(json.dumps({"port": link.port}) + "\n")
    sys.stdout.flush()
    link.run()


if __name__ == "__main__":
    main()
