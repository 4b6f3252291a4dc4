"""Drives a rollout: waves of boards over threads, with a gate after each.

What is done to one board is a function that is handed in; here is decided only who has a turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from edgekit.boards.fleet_journal import FleetJournal
from edgekit.boards.fleet_plan import RolloutPlan, why_stop
from edgekit.core.board import BoardEntry
from edgekit.core.errors import EdgekitError
from edgekit.core.fleet import GOOD, BoardRow, BoardState, FleetReport

Progress = Callable[[str], None]
OnRow = Callable[[BoardRow], None]


@dataclass(frozen=True)
class Outcome:
    """What a deployment to one board gave."""

    release: str
    is_changed: bool
    sent_bytes: int


@dataclass(frozen=True)
class FleetWork:
    """What is done to a board."""

    deploy: Callable[[BoardEntry, Progress], Outcome]
    """Raises EdgekitError when it fails."""
    look: Callable[[BoardEntry, str], str]
    """Why a board is not healthy with a release any more; empty when it is."""
    stop: Callable[[], None] = lambda: None
    """Makes every deployment under way fail soon."""


class Rollout:
    """One rollout of a plan."""

    def __init__(
        self,
        plan: RolloutPlan,
        work: FleetWork,
        journal: FleetJournal,
        *,
        app: str,
        on_row: OnRow = lambda row: None,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self.plan = plan
        self.work = work
        self.journal = journal
        self.app = app
        self.on_row = on_row
        self.stopping = threading.Event()
        self.pause = pause or self.stopping.wait
        self.lock = threading.Lock()
        self.rows = {
            board.name: BoardRow(board.name, number, BoardState.WAITING)
            for number, wave in enumerate(plan.waves)
            for board in wave
        }

    def run(self, *, restart: bool = False) -> FleetReport:
        """Goes through the waves; always gives a report, also when the rollout stops.

        Raises:
            KeyboardInterrupt: boards that were being worked on keep their old release; the journal
                stays, so the next run goes on.
            ConfigError: another controller works on the same plan.
        """
        began = time.monotonic()
        finished = self.journal.open(restart=restart)
        for name, row in finished.items():
            if name in self.rows:
                self.rows[name] = replace(row, wave=self.rows[name].wave)
        resumed = sum(row.state in GOOD for row in self.rows.values())
        stopped = self._waves()
        for row in tuple(self.rows.values()):
            if row.state is BoardState.WAITING:
                self.rows[row.board] = replace(row, state=BoardState.SKIPPED)
        self.journal.end()
        rows = tuple(self.rows.values())
        took_s = round(time.monotonic() - began, 3)
        policy = self.plan.policy
        return FleetReport(self.plan.id, self.app, policy, rows, stopped, took_s, resumed)

    def _waves(self) -> str:
        """Why it stopped early; empty at the end."""
        with ThreadPoolExecutor(self.plan.policy.threads, "fleet") as pool:
            try:
                for wave in self.plan.waves:
                    self._wave(pool, wave)
                    reason = self._reason() or self._soak(pool, wave)
                    if reason:
                        return reason
            except BaseException:
                self.stopping.set()
                self.work.stop()
                raise
        return ""

    def _wave(self, pool: ThreadPoolExecutor, wave: Iterable[BoardEntry]) -> None:
        """Hands boards out one by one, so that none is touched after the threshold is passed."""
        waiting = [b for b in reversed(tuple(wave)) if self.rows[b.name].state not in GOOD]
        running: set[Future[None]] = set()
        while running or waiting:
            while waiting and len(running) < self.plan.policy.threads and not self._reason():
                running.add(pool.submit(self._one, waiting.pop()))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                one.result()

    def _one(self, board: BoardEntry) -> None:
        began = time.monotonic()
        row = replace(self.rows[board.name], state=BoardState.STARTED, message="connecting")
        self._set(row)

        def progress(message: str) -> None:
            self._set(replace(row, message=message), is_news=False)

        try:
            outcome = self.work.deploy(board, progress)
        except EdgekitError as err:
            if self.stopping.is_set():
                return  # interrupted, not failed: the next run deploys again
            done = replace(row, state=BoardState.FAILED, message=err.message, hint=err.hint)
        else:
            state = BoardState.DONE if outcome.is_changed else BoardState.UNCHANGED
            done = replace(row, state=state, message="", release=outcome.release)
            done = replace(done, sent_bytes=outcome.sent_bytes)
        self._set(replace(done, took_s=round(time.monotonic() - began, 3)))

    def _soak(self, pool: ThreadPoolExecutor, wave: Iterable[BoardEntry]) -> str:
        """The gate: after the soak time every board of the wave must still be healthy."""
        if not self.plan.policy.soak_s:
            return ""
        good = [board for board in wave if self.rows[board.name].state in GOOD]
        self.pause(self.plan.policy.soak_s)

        def look(board: BoardEntry) -> None:
            row = self.rows[board.name]
            try:
                problem = self.work.look(board, row.release)
            except EdgekitError as err:
                problem = err.message
            if problem:
                self._set(replace(row, state=BoardState.FAILED, message=problem))

        list(pool.map(look, good))
        return self._reason()

    def _reason(self) -> str:
        with self.lock:
            return why_stop(self.plan, self.rows.values())

    def _set(self, row: BoardRow, *, is_news: bool = True) -> None:
        with self.lock:
            self.rows[row.board] = row
            if is_news:
                self.journal.note(row)
            self.on_row(row)
