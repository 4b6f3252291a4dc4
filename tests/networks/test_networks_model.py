"""The rules of the shaping link, with a clock of their own."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.networks.model import (
    INITIAL_WINDOW_BYTES,
    OPPORTUNITY_BYTES,
    SEGMENT_BYTES,
    Direction,
    Loss,
    Window,
    parse_trace,
)


def test_bytes_leave_at_the_rate_one_after_the_other() -> None:
    direction = Direction(8.0)
    assert direction.leave_s(10.0, 1000) == 11.0
    assert direction.leave_s(10.5, 1000) == 12.0
    assert direction.leave_s(20.0, 1000) == 21.0
    assert Direction(0.0).leave_s(3.0, 10**9) == 3.0


def test_a_queue_is_full_beyond_its_length() -> None:
    direction = Direction(8.0, queue_s=1.5)
    direction.leave_s(0.0, 1000)
    assert not direction.is_full(0.0)
    direction.leave_s(0.0, 1000)
    assert direction.is_full(0.0)
    assert not direction.is_full(1.0)


def test_a_trace_lets_each_moment_pass_one_segment() -> None:
    direction = Direction(0.0, trace=parse_trace("2\n2\n5\n10\n"))
    assert direction.leave_s(0.0, 1) == 0.002
    assert direction.leave_s(0.0, OPPORTUNITY_BYTES) == 0.002
    assert direction.leave_s(0.0, OPPORTUNITY_BYTES + 1) == 0.010
    assert direction.leave_s(0.0, 1) == 0.012, "it starts over after its last moment"
    assert direction.leave_s(1.0, 1) == 1.002


@given(
    st.lists(st.integers(0, 500), min_size=1, max_size=60).filter(lambda m: max(m) > 0),
    st.lists(st.integers(1, 9000), min_size=1, max_size=40),
)
def test_a_trace_never_gives_more_than_it_has(moments: list[int], sizes: list[int]) -> None:
    trace = parse_trace("\n".join(map(str, sorted(moments))))
    direction = Direction(0.0, trace=trace)
    last = 0.0
    for size in sizes:
        left = direction.leave_s(0.0, size)
        assert left >= last
        last = left
    periods = last * 1e3 / trace.moments_ms[-1] + 1
    assert sum(sizes) <= periods * len(moments) * OPPORTUNITY_BYTES


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("", "at least one"), ("0\n", "at least one"), ("3\n2\n", "line 2"), ("x\n", "line 1")],
)
def test_what_is_no_trace(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_trace(text)


def _rounds(window: Window, size_bytes: int) -> int:
    """Round trips until so many bytes were confirmed, when only the window limits."""
    now, rounds = 0.0, 0
    while size_bytes > 0:
        portion = min(window.room_bytes, size_bytes)
        window.sent(now, portion)
        now += window.rtt_s
        window.acknowledged(portion)
        size_bytes -= portion
        rounds += 1
    return rounds


def test_a_new_connection_doubles_its_window_every_round_trip() -> None:
    assert _rounds(Window(0.1), INITIAL_WINDOW_BYTES) == 1
    assert _rounds(Window(0.1), 3 * INITIAL_WINDOW_BYTES) == 2
    assert _rounds(Window(0.1), 15 * INITIAL_WINDOW_BYTES) == 4


def test_silence_starts_the_window_over() -> None:
    window = Window(0.1)
    _rounds(window, 40 * INITIAL_WINDOW_BYTES)
    wide = window.size_bytes
    window.sent(window.last_sent_s + 0.2, 100)
    assert window.size_bytes == wide, "the pause was below the timeout"
    window.acknowledged(100)
    window.sent(window.last_sent_s + 0.4, 100)
    assert window.size_bytes == INITIAL_WINDOW_BYTES


def test_a_window_that_is_not_used_does_not_grow() -> None:
    window = Window(0.1)
    window.sent(0.0, 1000)
    window.acknowledged(1000)
    assert window.size_bytes == INITIAL_WINDOW_BYTES


def test_a_window_shrinks_once_per_round_trip_and_then_grows_slowly() -> None:
    window = Window(0.1, size_bytes=100 * SEGMENT_BYTES, last_sent_s=1.0)
    window.shrink(1.0)
    window.shrink(1.05)
    assert window.size_bytes == pytest.approx(70 * SEGMENT_BYTES)
    window.sent(1.1, 70 * SEGMENT_BYTES)
    window.acknowledged(70 * SEGMENT_BYTES)
    assert window.size_bytes == pytest.approx(71 * SEGMENT_BYTES)


def test_losses_come_as_often_as_asked_and_cost_round_trips() -> None:
    loss = Loss(0.1, 0.05, random.Random(3))
    found = [loss.lost_after(SEGMENT_BYTES) for _ in range(20_000)]
    assert sum(f is not None for f in found) / len(found) == pytest.approx(0.1, abs=0.01)
    rare = Loss(1e-12, 0.05, random.Random(3))
    assert rare.delay_s(3) == pytest.approx(0.05)
    assert rare.delay_s(0) == pytest.approx(0.1)
    assert rare.handshake_delay_s() == 0.0
    assert Loss(0.0, 0.05).lost_after(10**6) is None
    delays = [loss.handshake_delay_s() for _ in range(2000)]
    assert max(delays) >= 3.0, "a second lost packet waits twice as long"
