"""The timed loops and how their rows travel, without a board."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.core.errors import RunnerFailed
from edgekit.core.measurement import RunOptions
from edgekit.measure.collected import Collected
from edgekit_runner import rows as rows_module
from edgekit_runner.loops import COLUMNS, Limits, Phases, run_stream, run_streams
from edgekit_runner.measure import make_limits
from edgekit_runner.rows import Rows

NOTHING = Phases(lambda i: [i], lambda values: values, lambda outputs: None)
OPTIONS = RunOptions("echo", 1, 10, 0)


def deliver(rows: Rows, collected: Collected) -> None:
    def emit(event: str, **fields: Any) -> None:  # Any: JSON
        collected.take({"event": event, **fields})

    while rows.send(emit):
        pass


def test_a_loop_ends_for_the_reason_that_it_gives() -> None:
    rows = Rows(COLUMNS)
    assert "7 invocations" in run_stream(NOTHING, rows, Limits(7, 0, 10**12))
    assert len(rows) == 7
    assert "budget" in run_stream(NOTHING, Rows(COLUMNS), Limits(10**6, 0, 1000))
    longer = Rows(COLUMNS)
    run_stream(NOTHING, longer, Limits(1, 3_000_000, 10**12))
    assert len(longer) > 1


@pytest.mark.parametrize(
    ("runs", "at_least_ns", "words"),
    [
        (300, 0, "300 invocations, as asked for"),
        (1, 0, "1 invocation, as asked for"),
        (7, 1_000_000, "7 invocations and 0.001 s, as asked for"),
        (1, 2_000_000, "0.002 s, as asked for"),
    ],
)
def test_the_reason_names_what_was_asked_for(runs: int, at_least_ns: int, words: str) -> None:
    assert run_stream(NOTHING, Rows(COLUMNS), Limits(runs, at_least_ns, 10**12)) == words


def test_a_long_run_does_not_grow() -> None:
    """Rows that were sent are let go; the host gets every one of them, in order."""
    rows = Rows(COLUMNS, keeps_all=False)
    collected = Collected(OPTIONS)
    most = 0
    for piece in range(40):
        for i in range(piece * 5000, piece * 5000 + 5000):
            rows.data.extend((i, 0, i, 0, i, 0, 0))
        most = max(most, len(rows.data) // len(COLUMNS))
        deliver(rows, collected)
        assert len(rows) == (piece + 1) * 5000
        assert rows.latest("total", 3) == list(range(len(rows) - 3, len(rows)))
    samples, starts = collected.samples()
    assert list(samples["total"]) == list(range(200_000))
    assert list(starts) == list(range(200_000))
    assert most <= 7000
    assert len(rows.data) * rows.data.itemsize < 200_000


def test_a_rule_sees_every_row() -> None:
    rows = Rows(COLUMNS)
    run_stream(NOTHING, rows, Limits(20_000, 0, 10**12))
    deliver(rows, Collected(OPTIONS))
    assert len(rows.column("total")) == 20_000


def test_a_rule_ends_a_loop_and_looks_at_growing_counts() -> None:
    looks = []

    def rule(totals: Any) -> str:  # Any: a sequence of int
        looks.append(len(totals))
        return "precise enough" if len(totals) > 200 else ""

    rows = Rows(COLUMNS)
    assert run_stream(NOTHING, rows, Limits(1, 0, 10**12, rule=rule)) == "precise enough"
    assert looks == [100, 125, 157, 197, 247]
    assert len(rows) == 247


def test_phases_lie_within_the_total_and_in_order() -> None:
    rows = Rows(COLUMNS)
    run_stream(NOTHING, rows, Limits(50, 0, 10**12))
    found = {name: rows.column(name) for name in COLUMNS}
    for i in range(50):
        parts = found["preprocess"][i] + found["infer"][i] + found["postprocess"][i]
        assert 0 <= parts <= found["total"][i]
    assert found["start"] == sorted(found["start"])
    assert set(found["lateness"]) == {0}


def test_a_schedule_does_not_move_with_slow_invocations() -> None:
    counts = itertools.count()

    def slow_once(values: Any) -> Any:  # Any: numpy arrays
        if next(counts) == 0:
            sum(range(400_000))
        return values

    rows = Rows(COLUMNS)
    phases = Phases(lambda i: [i], slow_once, lambda outputs: None)
    run_stream(phases, rows, Limits(12, 0, 10**12, interval_ns=2_000_000))
    moments = [
        s - late for s, late in zip(rows.column("start"), rows.column("lateness"), strict=True)
    ]
    steps = [b - a for a, b in itertools.pairwise(moments)]
    assert all(abs(step - 2_000_000) < 1000 for step in steps)


def test_the_first_error_of_any_stream_is_raised() -> None:
    def fail(values: Any) -> Any:  # Any: numpy arrays
        raise ValueError("engine broke")

    streams = [NOTHING, Phases(lambda i: [i], fail, lambda outputs: None)]
    with pytest.raises(ValueError, match="engine broke"):
        run_streams(streams, [Rows(COLUMNS, k) for k in range(2)], Limits(4, 0, 10**12))


@given(
    st.lists(st.tuples(*[st.integers(0, 2**62)] * len(COLUMNS)), min_size=1, max_size=30),
    st.integers(1, 7),
)
def test_rows_arrive_as_they_were_taken(taken: list[tuple[int, ...]], piece: int) -> None:
    rows = Rows(COLUMNS)
    for row in taken:
        rows.data.extend(row)
    collected = Collected(OPTIONS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows_module, "MOST_ROWS", piece)
        deliver(rows, collected)
    samples, starts = collected.samples()
    assert starts == tuple(row[0] for row in taken)
    assert samples["total"] == tuple(row[COLUMNS.index("total")] for row in taken)
    assert collected.count == len(taken)


def test_streams_are_merged_by_their_starts() -> None:
    collected = Collected(OPTIONS)
    for stream, starts in ((0, (0, 20)), (1, (10, 30))):
        rows = Rows(COLUMNS, stream)
        for start in starts:
            rows.data.extend((start, 1, 2, 3, 6, 2, 0))
        deliver(rows, collected)
    samples, starts_ns = collected.samples()
    assert starts_ns == (0, 10, 20, 30)
    assert samples["stream"] == (0, 1, 0, 1)


@pytest.mark.parametrize(
    "event",
    [
        {"event": "rows", "stream": 0, "columns": ["start"], "data": ""},
        {"event": "rows", "stream": 0, "columns": ["start", "total"], "data": "AAAA"},
        {"event": "rows", "stream": 0, "columns": ["start", "total"], "data": "AAAAAAAAAAA="},
        {"event": "rows", "stream": 0, "columns": ["start", "total"], "data": "!"},
        {"event": "engine", "version": "1"},
        {"event": "outputs", "checked": "x", "bad": 0},
        {"event": "summary"},
        {"event": "condition", "at_ns": "soon"},
    ],
)
def test_an_event_that_is_not_our_language_is_refused(event: dict[str, object]) -> None:
    with pytest.raises(RunnerFailed, match="is not understood"):
        Collected(OPTIONS).take(event)


def test_events_of_a_newer_runner_are_passed_over() -> None:
    collected = Collected(OPTIONS)
    collected.take({"event": "weather", "sunny": True})
    with pytest.raises(RunnerFailed, match="no samples"):
        collected.samples()


def test_a_request_with_widths_ends_by_its_own_intervals() -> None:
    request = {"runs": 50, "width_p50": 0.5, "width_p95": 5.0, "max_duration_s": 20}
    rows = Rows(COLUMNS)
    assert "precision was reached: p50" in run_stream(NOTHING, rows, make_limits(request))
    assert len(rows) < 5000
