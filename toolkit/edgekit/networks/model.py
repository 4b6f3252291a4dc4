"""How a network treats bytes: rate, queue, distance, loss and the sender's window. Pure.

Times are seconds of any clock that never goes back; sizes are bytes.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

SEGMENT_BYTES = 1448
"""Payload of a full TCP segment over Ethernet."""
INITIAL_WINDOW_BYTES = 10 * SEGMENT_BYTES
"""Source: RFC 6928, initial window of ten segments."""
LARGEST_WINDOW_BYTES = 4 << 20
"""Source: Linux, net.ipv4.tcp_wmem, third value."""
LOSS_FACTOR = 0.7
"""What is left of the window after a loss. Source: RFC 9438 (CUBIC), beta."""
SMALLEST_TIMEOUT_S = 0.2
"""Retransmission timeout beyond the round trip. Source: Linux, TCP_RTO_MIN."""
FIRST_TIMEOUT_S = 1.0
"""Before any round trip was measured. Source: RFC 6298, 2.1."""
DUPLICATES = 3
"""Segments that must follow a lost one for a fast retransmission. Source: RFC 5681, 3.2."""
OPPORTUNITY_BYTES = 1504
"""What one line of a trace lets pass. Source: Mahimahi, mm-link(1)."""
SMALLEST_QUEUE_S = 0.05
"""A queue holds one round trip of bytes, and at least this much."""
SMOOTH_S = 0.002
"""Bytes are taken in portions that last this long at the link's rate, so that pacing is smooth."""
LARGEST_PORTION_BYTES = 1 << 16
UNLIMITED_PORTION_BYTES = 1 << 18


@dataclass
class Trace:
    """A capacity that changes: moments at which a segment may pass, repeated for ever."""

    moments_ms: Sequence[int]
    """Ascending; several of the same value let several segments pass. The last is the period."""

    def first_after(self, begin_s: float) -> int:
        """Number of the first moment that is not before the time."""
        period_ms = self.moments_ms[-1]
        cycle, within = divmod(begin_s * 1e3, period_ms)
        return int(cycle) * len(self.moments_ms) + bisect_left(self.moments_ms, within)

    def moment_s(self, number: int) -> float:
        """When the moment of that number is."""
        cycle, index = divmod(number, len(self.moments_ms))
        return (cycle * self.moments_ms[-1] + self.moments_ms[index]) / 1e3

    @property
    def mean_kbit_s(self) -> float:
        """Capacity on average."""
        return len(self.moments_ms) * OPPORTUNITY_BYTES * 8 / self.moments_ms[-1]


@dataclass
class Direction:
    """One direction of the link: its bottleneck is shared by all connections."""

    kbit_s: float
    """0 means unlimited."""
    queue_s: float = math.inf
    """How long the queue before the bottleneck can get."""
    trace: Trace | None = None
    free_at_s: float = 0.0
    next_moment: int = 0
    """Of the trace: the ones before were used."""

    def leave_s(self, now_s: float, size_bytes: int) -> float:
        """When the last of the bytes has left the bottleneck."""
        begin = max(now_s, self.free_at_s)
        if self.trace:
            first = max(self.trace.first_after(begin), self.next_moment)
            self.next_moment = first + math.ceil(size_bytes / OPPORTUNITY_BYTES)
            self.free_at_s = self.trace.moment_s(max(self.next_moment - 1, 0))
            self.free_at_s = max(self.free_at_s, begin)
        elif self.kbit_s > 0:
            self.free_at_s = begin + size_bytes * 8 / (self.kbit_s * 1e3)
        else:
            return now_s
        return self.free_at_s

    def is_full(self, now_s: float) -> bool:
        """True when the queue holds all that it can."""
        return self.free_at_s - now_s > self.queue_s

    @property
    def portion_bytes(self) -> int:
        """How much to take at once."""
        kbit_s = self.trace.mean_kbit_s if self.trace else self.kbit_s
        if kbit_s <= 0:
            return UNLIMITED_PORTION_BYTES
        wanted = int(kbit_s * 1e3 / 8 * SMOOTH_S)
        return min(max(wanted, SEGMENT_BYTES), LARGEST_PORTION_BYTES)


@dataclass
class Window:
    """How much one connection may have on its way in one direction: slow start, then avoidance.

    A full queue shrinks it without a retransmission, as a router that marks packets does.
    """

    rtt_s: float
    size_bytes: float = INITIAL_WINDOW_BYTES
    threshold_bytes: float = math.inf
    in_flight_bytes: int = 0
    last_sent_s: float = -math.inf
    shrunk_until_s: float = -math.inf

    @property
    def room_bytes(self) -> int:
        """What may still leave now."""
        return max(int(self.size_bytes) - self.in_flight_bytes, 0)

    @property
    def timeout_s(self) -> float:
        """Silence after which the sender starts over, or sends a lost last segment again."""
        return self.rtt_s + SMALLEST_TIMEOUT_S

    def sent(self, now_s: float, size_bytes: int) -> None:
        """Bytes left the sender; after an idle time the window starts over.

        Source: RFC 5681, 4.1; Linux, net.ipv4.tcp_slow_start_after_idle.
        """
        if self.in_flight_bytes == 0 and now_s - self.last_sent_s > self.timeout_s:
            self.size_bytes = min(self.size_bytes, INITIAL_WINDOW_BYTES)
        self.in_flight_bytes += size_bytes
        self.last_sent_s = now_s

    def acknowledged(self, size_bytes: int) -> None:
        """Bytes were confirmed; a window that was used at least by half grows."""
        is_used = self.in_flight_bytes * 2 >= self.size_bytes
        self.in_flight_bytes -= size_bytes
        if not is_used:
            return
        if self.size_bytes < self.threshold_bytes:
            self.size_bytes += size_bytes
        else:
            self.size_bytes += SEGMENT_BYTES * size_bytes / self.size_bytes
        self.size_bytes = min(self.size_bytes, LARGEST_WINDOW_BYTES)

    def shrink(self, now_s: float) -> None:
        """A loss, or a full queue; once per round trip."""
        if now_s >= self.shrunk_until_s:
            self.size_bytes = max(self.size_bytes * LOSS_FACTOR, 2 * SEGMENT_BYTES)
            self.threshold_bytes = self.size_bytes
            self.shrunk_until_s = now_s + self.rtt_s


@dataclass
class Loss:
    """Segments that get lost, as the reader of a TCP connection feels it: later, never missing."""

    share: float
    rtt_s: float
    random: random.Random = field(default_factory=random.Random)

    def lost_after(self, size_bytes: int) -> int | None:
        """How many segments of a portion follow its first lost one; None when none was lost."""
        count = math.ceil(size_bytes / SEGMENT_BYTES)
        for i in range(count if self.share > 0 else 0):
            if self.random.random() < self.share:
                return count - i - 1
        return None

    def delay_s(self, following: int) -> float:
        """How much later the portion is whole.

        Three segments behind the lost one make the receiver ask for it: one more round trip, and
        the same again for each time that the repetition is lost too. With fewer the sender's probe
        finds out after two round trips.

        Source: RFC 5681 (fast retransmit), RFC 8985 (tail loss probe).
        """
        delay = self.rtt_s if following >= DUPLICATES else 2 * self.rtt_s
        while self.random.random() < self.share:
            delay += self.rtt_s + SMALLEST_TIMEOUT_S
        return delay

    def handshake_delay_s(self) -> float:
        """What lost packets add to a new connection's handshake."""
        delay, timeout = 0.0, FIRST_TIMEOUT_S
        while self.random.random() < 1 - (1 - self.share) ** 2:
            delay += timeout
            timeout *= 2
        return delay


def parse_trace(text: str) -> Trace:
    r"""A trace in Mahimahi's form: one line per segment that may pass, in milliseconds.

    Raises:
        ValueError: it is empty, does not ascend, or holds something else than numbers.

    Example:
        >>> parse_trace("0\n5\n10\n").mean_kbit_s
        3609.6
    """
    moments = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if not line.strip().isdecimal():
            raise ValueError(f"line {number}: expected milliseconds, got {line.strip()[:40]!r}")
        moments.append(int(line))
        if len(moments) > 1 and moments[-1] < moments[-2]:
            raise ValueError(f"line {number}: {moments[-1]} comes after {moments[-2]}")
    if not moments or moments[-1] == 0:
        raise ValueError("expected at least one line above 0")
    return Trace(tuple(moments))
