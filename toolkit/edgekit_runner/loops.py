"""The timed loops: tight, paced, and several streams side by side."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, List, NamedTuple, Optional, Sequence

from .rows import Rows

if TYPE_CHECKING:
    from .stopping import StopRule

clock = time.perf_counter_ns
thread_clock = time.thread_time_ns

HARD_LIMIT_RUNS = 5000000
COLUMNS = ("start", "preprocess", "infer", "postprocess", "total", "cpu", "lateness")
FIRST_CHECK = 100
CHECK_GROWTH = 1.25
"""The stop rule looks after 100 invocations, then each time a quarter more are there."""


class Phases(NamedTuple):
    """One invocation, cut into its phases."""

    before: Callable[[int], List[Any]]  # Any: numpy arrays
    infer: Callable[[List[Any]], Any]  # Any: the engine's outputs
    after: Callable[[Any], None]

    def invoke(self, i: int) -> Any:  # Any: the engine's outputs
        """One invocation, not timed."""
        outputs = self.infer(self.before(i))
        self.after(outputs)
        return outputs


class Limits(NamedTuple):
    """When a loop ends: after ``runs`` and the shortest time, at the latest after the longest."""

    runs: int
    at_least_ns: int
    at_most_ns: int
    interval_ns: int = 0
    """Between two scheduled starts; 0 runs one after the other."""
    rule: Optional[StopRule] = None

    def reached(self, count: int, spent_ns: int) -> str:
        """Why the loop is over, or empty."""
        if spent_ns >= self.at_most_ns and count:
            return "the time budget of %g s was spent" % (self.at_most_ns / 1e9)
        if count >= HARD_LIMIT_RUNS:
            return "%d invocations are the most that a run keeps" % HARD_LIMIT_RUNS
        if count >= self.runs and spent_ns >= self.at_least_ns and self.rule is None:
            return "%s, as asked for" % self._asked()
        return ""

    def _asked(self) -> str:
        """The least that was asked for; a run of a duration asks for no number."""
        parts = []
        if self.runs > 1 or not self.at_least_ns:
            parts.append("%d invocation%s" % (self.runs, "" if self.runs == 1 else "s"))
        if self.at_least_ns:
            parts.append("%g s" % (self.at_least_ns / 1e9))
        return " and ".join(parts)


def run_stream(phases: Phases, rows: Rows, limits: Limits, offset_ns: int = 0) -> str:
    """Invokes until a limit is reached; gives the reason.

    The clock is read around each phase; nothing else lies between two readings. Rows are stored
    after the last reading.
    """
    before, infer, after = phases
    store = rows.data.extend
    interval_ns = limits.interval_ns
    next_check = max(FIRST_CHECK, limits.runs)
    begin = clock()
    i = 0
    while True:
        scheduled = now = clock()
        reason = limits.reached(i, now - begin)
        if reason:
            return reason
        if limits.rule and i >= next_check and now - begin >= limits.at_least_ns:
            reason = limits.rule(rows.column("total"))
            if reason:
                return reason
            next_check = math.ceil(i * CHECK_GROWTH)
            phases.invoke(i)  # the caches are the loop's again
        if interval_ns:
            scheduled = begin + offset_ns + i * interval_ns
            _sleep_until(scheduled)
        t0 = clock()
        values = before(i)
        c0 = thread_clock()
        t1 = clock()
        outputs = infer(values)
        t2 = clock()
        c1 = thread_clock()
        after(outputs)
        t3 = clock()
        late = t0 - scheduled if interval_ns else 0
        store((t0 - begin, t1 - t0, t2 - t1, t3 - t2, t3 - t0, c1 - c0, late))
        outputs = None  # engines that show outputs in place want them back
        i += 1


def _sleep_until(moment_ns: int) -> None:
    """Sleeps as an application does that waits for its sensor: no spinning, which would keep the
    clock up and hide what waking costs.
    """
    left_ns = moment_ns - clock()
    while left_ns > 0:
        time.sleep(left_ns / 1e9)
        left_ns = moment_ns - clock()


def run_streams(streams: Sequence[Phases], rows: Sequence[Rows], limits: Limits) -> str:
    """One thread per stream, started together; the first error of any is raised here."""
    if len(streams) == 1:
        return run_stream(streams[0], rows[0], limits)
    count = len(streams)
    each = limits._replace(
        runs=math.ceil(limits.runs / count), interval_ns=limits.interval_ns * count, rule=None
    )
    reasons: List[str] = []
    errors: List[BaseException] = []
    gate = threading.Barrier(count)

    def work(k: int) -> None:
        try:
            gate.wait()
            offset_ns = k * limits.interval_ns
            reasons.append(run_stream(streams[k], rows[k], each, offset_ns))
        except BaseException as error:  # noqa: BLE001  raised again below
            errors.append(error)
            gate.abort()

    threads = [threading.Thread(target=work, args=(k,), daemon=True) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    real = [error for error in errors if not isinstance(error, threading.BrokenBarrierError)]
    if real:
        raise real[0]
    return reasons[0]
