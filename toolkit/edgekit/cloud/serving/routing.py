"""Which side a request goes to, and when the other one is asked as well. Pure: the clock is given.

Source: Dean & Barroso, "The tail at scale", CACM 2013 (hedged requests); Nygard, "Release It!", 2018
(circuit breaker).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

EDGE, CLOUD, FASTEST = "edge", "cloud", "fastest"
PREFERENCES = (EDGE, CLOUD, FASTEST)
RECENT = 64
"""Answers that tell what a side takes now."""
TAIL = 0.95
SPARE = 1.5
"""The other side is asked when so many times its own tail is left before the deadline."""
FEWEST_SHARE, UNKNOWN_SHARE = 0.25, 0.5
"""Of the deadline that each side has for itself at least, and where nothing is known of it yet."""
PATIENCE = 2.0
"""Times the first side's own tail: an answer that takes longer is not on its way any more."""
STRIKES = 3
"""In a row that the other side had to answer: the first one is taken to be down."""
FIRST_REST_S = 0.25
LONGEST_REST_S = 5.0
"""After failures a side is left alone: a quarter of a second, doubled each time."""


@dataclass
class Side:
    """An endpoint as requests have found it."""

    name: str
    most_in_flight: int = 64
    in_flight: int = 0
    down_until_s: float = 0.0
    failures: int = 0
    """In a row."""
    overtakings: int = 0
    """In a row."""
    recent_s: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def is_up(self, now_s: float) -> bool:
        """False while it rests after failures."""
        return now_s >= self.down_until_s

    @property
    def is_full(self) -> bool:
        """True when it has as many requests as it takes."""
        return self.in_flight >= self.most_in_flight

    @property
    def tail_s(self) -> float | None:
        """What nearly all recent answers took; None before the first."""
        if not self.recent_s:
            return None
        ordered = sorted(self.recent_s)
        return ordered[min(int(len(ordered) * TAIL), len(ordered) - 1)]

    def answered(self, spent_s: float) -> None:
        """A good answer came."""
        self.failures, self.down_until_s, self.overtakings = 0, 0.0, 0
        self.recent_s.append(spent_s)

    def overtaken(self, spent_s: float, now_s: float) -> None:
        """The other side was quicker: it would have taken at least so long."""
        self.recent_s.append(spent_s)
        self.overtakings += 1
        if self.overtakings >= STRIKES:
            self.failed(now_s)

    def failed(self, now_s: float) -> None:
        """No connection, no answer in time, or one that says that it cannot."""
        self.failures += 1
        rest_s = min(FIRST_REST_S * 2 ** (self.failures - 1), LONGEST_REST_S)
        self.down_until_s = now_s + rest_s


@dataclass(frozen=True)
class Plan:
    """Whom to ask first, and after how long the other one as well."""

    first: Side
    second: Side
    hedge_after_s: float | None
    """None: only when the first fails."""


def plan(sides: Sequence[Side], preference: str, deadline_s: float, now_s: float) -> Plan:
    """The plan for a request that begins now.

    Args:
        sides: edge and cloud.
        preference: edge, cloud, or fastest.
        deadline_s: how long the answer is of use.
        now_s: of any clock that never goes back.
    """
    first, second = sides
    if preference == CLOUD:
        first, second = second, first
    elif preference == FASTEST:
        first, second = sorted(sides, key=lambda side: side.tail_s or 0.0)
    if not _is_open(first, now_s) and _is_open(second, now_s):
        first, second = second, first
    if not _is_open(second, now_s):
        return Plan(first, second, None)
    needed_s = deadline_s * UNKNOWN_SHARE
    if second.tail_s is not None:
        needed_s = max(second.tail_s * SPARE, deadline_s * FEWEST_SHARE)
    hedge_s = deadline_s - needed_s
    if first.tail_s is not None:
        hedge_s = min(hedge_s, first.tail_s * PATIENCE)
    return Plan(first, second, max(hedge_s, deadline_s * FEWEST_SHARE))


def _is_open(side: Side, now_s: float) -> bool:
    return side.is_up(now_s) and not side.is_full
