"""Requests that wait for a worker travel together: adaptive batching.

A batch leaves when it is full, or when its first request has waited long enough and a worker is
free. With a wait of zero a request that meets a free worker leaves at once, and batches form only
while all workers are busy.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

clock = time.perf_counter_ns


@dataclass
class Waiting:
    """A request on its way to a worker."""

    arrays: list[Any]  # Any: numpy arrays
    rows: int
    """Samples in it."""
    future: asyncio.Future[Done]
    arrived_ns: int = field(default_factory=clock)


@dataclass(frozen=True)
class Done:
    """What a worker made of a request."""

    outputs: list[Any]  # Any: numpy arrays
    queue_ns: int
    """Until a worker was free."""
    batch_wait_ns: int
    """Of the time before, what it waited for others although a worker was free."""
    compute_ns: int
    batch_rows: int
    """Samples computed together."""


Run = Callable[[list[Waiting]], Awaitable[tuple[list[list[Any]], int]]]
"""A batch to the outputs of each request, and the nanoseconds it took."""


class Batcher:
    """Forms batches for a number of workers."""

    def __init__(self, run: Run, *, workers: int, max_rows: int, max_wait_s: float) -> None:
        self.run = run
        self.free = workers
        self.max_rows = max_rows
        self.max_wait_ns = int(max_wait_s * 1e9)
        self.waiting: deque[Waiting] = deque()
        self.free_since_ns = clock()
        self.timer: asyncio.TimerHandle | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    async def submit(self, arrays: list[Any], rows: int) -> Done:  # Any: numpy arrays
        """Gives the answer to one request."""
        item = Waiting(arrays, rows, asyncio.get_running_loop().create_future())
        self.waiting.append(item)
        self._kick()
        return await item.future

    @property
    def depth(self) -> int:
        """Requests that wait."""
        return len(self.waiting)

    def _kick(self) -> None:
        if self.timer:
            self.timer.cancel()
            self.timer = None
        while self.waiting and self.free:
            age_ns = clock() - self.waiting[0].arrived_ns
            is_full = sum(item.rows for item in self.waiting) >= self.max_rows
            if not is_full and age_ns < self.max_wait_ns:
                delay_s = (self.max_wait_ns - age_ns) / 1e9
                self.timer = asyncio.get_running_loop().call_later(delay_s, self._kick)
                return
            self._start(self._take())

    def _take(self) -> list[Waiting]:
        """The first request, and those behind it that fit in shape and number."""
        first = self.waiting.popleft()
        batch, rows, kept = [first], first.rows, deque[Waiting]()
        while self.waiting and rows < self.max_rows:
            item = self.waiting.popleft()
            if rows + item.rows <= self.max_rows and _alike(first, item):
                batch.append(item)
                rows += item.rows
            else:
                kept.append(item)
        self.waiting.extendleft(reversed(kept))
        return batch

    def _start(self, batch: list[Waiting]) -> None:
        self.free -= 1
        task = asyncio.get_running_loop().create_task(self._work(batch, clock()))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _work(self, batch: list[Waiting], started_ns: int) -> None:
        free_since_ns = self.free_since_ns
        try:
            outputs, compute_ns = await self.run(batch)
            rows = sum(item.rows for item in batch)
            for item, one in zip(batch, outputs, strict=True):
                queue_ns = started_ns - item.arrived_ns
                idle_ns = max(started_ns - max(item.arrived_ns, free_since_ns), 0)
                wait_ns = min(idle_ns, queue_ns)
                if not item.future.done():
                    item.future.set_result(
                        Done(one, queue_ns - wait_ns, wait_ns, compute_ns, rows)
                    )
        except Exception as err:  # noqa: BLE001  it belongs to the requests, not to the loop
            for item in batch:
                if not item.future.done():
                    item.future.set_exception(err)
        finally:
            self.free += 1
            self.free_since_ns = clock()
            self._kick()


def _alike(first: Waiting, other: Waiting) -> bool:
    pairs = zip(first.arrays, other.arrays, strict=True)
    return all(a.shape[1:] == b.shape[1:] and a.dtype == b.dtype for a, b in pairs)
