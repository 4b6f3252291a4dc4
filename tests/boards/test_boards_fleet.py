"""Rollouts: planning, waves and thresholds, the journal, interruptions."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.boards.fleet import FleetWork, Outcome, Progress, Rollout
from edgekit.boards.fleet_journal import FleetJournal
from edgekit.boards.fleet_plan import (
    RolloutPlan,
    Selection,
    make_rollout,
    parse_amount,
    select,
    why_stop,
)
from edgekit.core.board import BoardEntry
from edgekit.core.errors import BoardError, ConfigError, RecordError
from edgekit.core.fleet import Amount, BoardRow, BoardState, FleetReport, RolloutPolicy


def boards(count: int, **fields: object) -> tuple[BoardEntry, ...]:
    return tuple(
        BoardEntry(f"b{i}", "raspberrypi", host=f"10.0.0.{i}", **fields)  # type: ignore[arg-type]
        for i in range(count)
    )


def plan_of(
    count: int, *, canary: str = "1", wave: str = "25%", max_fail: str = "0", threads: int = 4
) -> RolloutPlan:
    amounts = (parse_amount(canary), parse_amount(wave), parse_amount(max_fail))
    return make_rollout(boards(count), RolloutPolicy(*amounts, threads=threads), content="c")


class Lab:
    """Boards in memory: which ones fail, which were touched."""

    def __init__(self, *failing: str) -> None:
        self.failing = set(failing)
        self.touched: list[str] = []
        self.active: dict[str, str] = {}
        self.lock = threading.Lock()

    def deploy(self, board: BoardEntry, progress: Progress) -> Outcome:
        progress("working")
        with self.lock:
            self.touched.append(board.name)
            is_changed = self.active.get(board.name) != "r1"
        if board.name in self.failing:
            raise BoardError(f"{board.name} is broken", hint="mend it")
        self.active[board.name] = "r1"
        return Outcome("r1", is_changed, 10 if is_changed else 0)

    def look(self, board: BoardEntry, release: str) -> str:
        return "" if self.active.get(board.name) == release else "it went back"

    @property
    def work(self) -> FleetWork:
        return FleetWork(self.deploy, self.look)


def roll(
    plan: RolloutPlan,
    lab: Lab,
    folder: Path,
    *,
    on_row: Callable[[BoardRow], None] = lambda row: None,
    pause: Callable[[float], object] | None = None,
    restart: bool = False,
) -> FleetReport:
    with FleetJournal(folder, plan) as journal:
        rollout = Rollout(plan, lab.work, journal, app="app", on_row=on_row, pause=pause)
        return rollout.run(restart=restart)


@pytest.mark.parametrize(
    ("text", "total", "taken", "allowed"),
    [
        ("1", 10, 1, 1),
        ("0", 10, 0, 0),
        ("20", 10, 10, 20),
        ("10%", 25, 2, 2),
        ("2%", 25, 1, 0),
        ("0%", 25, 0, 0),
        ("2.5%", 1000, 25, 25),
        ("100%", 7, 7, 7),
        ("900%", 7, 7, 7),
    ],
)
def test_amounts(text: str, total: int, taken: int, allowed: int) -> None:
    amount = parse_amount(text)
    assert (amount.of(total), amount.allowed(total)) == (taken, allowed)


@pytest.mark.parametrize("text", ["", "-1", "x", "1.5", "10 %", "%", "1e3", "9" * 30])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_amount(text)


@given(
    count=st.integers(1, 60),
    canary=st.sampled_from(["0", "1", "3", "10%", "100%"]),
    wave=st.sampled_from(["0", "1", "7", "10%", "50%", "100%"]),
)
def test_every_board_has_one_turn(count: int, canary: str, wave: str) -> None:
    plan = plan_of(count, canary=canary, wave=wave)
    names = [board.name for board in plan.boards]
    assert sorted(names) == sorted(board.name for board in boards(count))
    assert all(plan.waves)
    assert plan.id == plan_of(count, canary=canary, wave=wave).id


def test_canaries_are_of_every_kind() -> None:
    kinds = ("pi", "pi", "pi", "jetson", "coral", "pi")
    mixed = [BoardEntry(f"b{i}", kind, host="h") for i, kind in enumerate(kinds)]
    plan = make_rollout(mixed, RolloutPolicy(canary=Amount(3)), content="c")
    assert {board.profile for board in plan.waves[0]} == {"pi", "jetson", "coral"}


def test_selection() -> None:
    lab = [
        BoardEntry("a", "p", host="h", tags=("kitchen", "new"), groups=("g1",)),
        BoardEntry("b", "p", host="h", tags=("kitchen",), groups=("g2",)),
        BoardEntry("c", "p", host="h", groups=("g1", "g2")),
    ]

    def names(**conditions: tuple[str, ...]) -> list[str]:
        return [board.name for board in select(lab, Selection(**conditions))]

    assert names() == ["a", "b", "c"]
    assert names(tags=("kitchen",)) == ["a", "b"]
    assert names(tags=("kitchen", "new")) == ["a"]
    assert names(groups=("g1",), tags=("kitchen",)) == ["a"]
    assert names(groups=("g1", "g2")) == ["a", "b", "c"]
    assert names(names=("c", "a")) == ["a", "c"]
    with pytest.raises(ConfigError) as caught:
        names(tags=("kitchn",))
    assert "kitchen" in caught.value.hint
    with pytest.raises(ConfigError, match="no board is selected"):
        names(names=("c",), tags=("new",))


def test_all_go_well_then_nothing_is_left_to_do(tmp_path: Path) -> None:
    plan, lab = plan_of(20), Lab()
    report = roll(plan, lab, tmp_path)
    assert report.count(BoardState.DONE) == 20
    assert (report.stopped, report.failed, report.resumed) == ("", (), 0)
    again = roll(plan, lab, tmp_path)
    assert again.count(BoardState.UNCHANGED) == 20


def test_a_broken_canary_ends_it_before_any_other_board_is_touched(tmp_path: Path) -> None:
    lab = Lab("b0")
    report = roll(plan_of(50, canary="1", max_fail="50%"), lab, tmp_path)
    assert lab.touched == ["b0"]
    assert report.stopped == "canary b0 failed"
    assert report.count(BoardState.SKIPPED) == 49
    assert len(report.failed) == 50
    assert report.rows[0].hint == "mend it"


def test_too_many_failures_stop_within_the_wave(tmp_path: Path) -> None:
    lab = Lab(*(f"b{i}" for i in range(10, 100)))
    report = roll(plan_of(100, wave="100%", max_fail="2%", threads=4), lab, tmp_path)
    assert "2 may (2%)" in report.stopped
    failed = report.count(BoardState.FAILED)
    assert 3 <= failed <= 3 + 3  # those under way when the third failed
    assert len(lab.touched) == 10 + failed


def test_few_failures_do_not_stop_it(tmp_path: Path) -> None:
    lab = Lab("b7", "b31")
    report = roll(plan_of(100, max_fail="2%"), lab, tmp_path)
    assert report.stopped == ""
    assert report.failed == ("b7", "b31")
    assert len(lab.touched) == 100


def test_a_wave_that_turns_bad_while_it_soaks_ends_it(tmp_path: Path) -> None:
    policy = RolloutPolicy(Amount(2), Amount(5), Amount(0), threads=2, soak_s=30)
    plan = make_rollout(boards(12), policy, content="c")
    lab, pauses = Lab(), []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            lab.active["b3"] = "r0"

    report = roll(plan, lab, tmp_path, pause=pause)
    assert pauses == [30, 30]
    assert report.failed == ("b3", *(f"b{i}" for i in range(7, 12)))
    assert "it went back" in next(row.message for row in report.rows if row.board == "b3")


class ControllerKilled(BaseException):
    """Stands for a kill at this instant: nothing of the rollout's code runs on."""


@given(kill_at=st.integers(0, 60))
def test_a_killed_controller_goes_on(
    kill_at: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("fleet")
    plan, lab = plan_of(20, threads=1), Lab()
    seen: list[BoardRow] = []

    def on_row(row: BoardRow) -> None:
        if len(seen) == kill_at:
            raise ControllerKilled
        seen.append(row)

    try:
        report = roll(plan, lab, folder, on_row=on_row)
    except ControllerKilled:
        report = roll(plan, lab, folder)
        assert report.resumed + len(set(lab.touched)) >= 20
    assert report.failed == ()
    repeated = [name for name in set(lab.touched) if lab.touched.count(name) > 1]
    assert len(repeated) <= 1  # only the board that was under way


def test_a_journal_cut_in_half_is_read(tmp_path: Path) -> None:
    plan = plan_of(4)
    with FleetJournal(tmp_path, plan) as journal:
        journal.open()
        for name in ("b0", "b1"):
            journal.note(BoardRow(name, 0, BoardState.DONE, release="r1"))
        path = journal.path
    for cut in range(2, 60):
        data = path.read_bytes()
        path.write_bytes(data[:-cut])
        with FleetJournal(tmp_path, plan) as journal:
            assert set(journal.open()) == {"b0"}
            journal.note(BoardRow("b2", 0, BoardState.DONE, release="r1"))
        with FleetJournal(tmp_path, plan) as journal:
            assert set(journal.open()) == {"b0", "b2"}
        path.write_bytes(data)


def test_two_controllers_do_not_share_a_plan(tmp_path: Path) -> None:
    plan = plan_of(4)
    with FleetJournal(tmp_path, plan) as first:
        first.open()
        with (
            FleetJournal(tmp_path, plan) as second,
            pytest.raises(ConfigError, match="under way"),
        ):
            second.open()


def test_a_foreign_file_is_no_journal(tmp_path: Path) -> None:
    plan = plan_of(4)
    (tmp_path / f"fleet-{plan.id}.jsonl").write_text(json.dumps({"plan": "other"}) + "\n")
    with FleetJournal(tmp_path, plan) as journal, pytest.raises(RecordError):
        journal.open()


def test_a_failed_board_is_tried_again_after_an_interruption(tmp_path: Path) -> None:
    plan = plan_of(4, max_fail="100%")
    with FleetJournal(tmp_path, plan) as journal:
        journal.open()
        journal.note(BoardRow("b1", 1, BoardState.FAILED, "x"))
        journal.note(BoardRow("b2", 1, BoardState.STARTED))
        journal.note(BoardRow("b3", 1, BoardState.DONE, release="r1"))
    lab = Lab()
    report = roll(plan, lab, tmp_path)
    assert sorted(lab.touched) == ["b0", "b1", "b2"]
    assert report.resumed == 1
    assert roll(plan, Lab(), tmp_path, restart=True).resumed == 0


def test_an_interruption_ends_what_is_under_way(tmp_path: Path) -> None:
    plan = plan_of(6, canary="0", wave="100%", threads=3)
    gate = threading.Event()

    def deploy(board: BoardEntry, progress: Progress) -> Outcome:
        if board.name == "b2":
            raise ControllerKilled
        gate.wait()
        raise BoardError("the connection was closed")

    work = FleetWork(deploy, lambda board, release: "", gate.set)
    with FleetJournal(tmp_path, plan) as journal, pytest.raises(ControllerKilled):
        Rollout(plan, work, journal, app="app").run()
    events = [json.loads(line) for line in journal.path.read_text().splitlines()]
    states = {event["row"]["state"] for event in events if "row" in event}
    assert states == {"started"}


def test_nobody_failed_is_no_reason() -> None:
    rows = [BoardRow("b0", 0, BoardState.DONE), BoardRow("b1", 1, BoardState.WAITING)]
    assert why_stop(plan_of(2), rows) == ""
