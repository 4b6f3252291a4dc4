"""What doctor says of a board."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from edgekit.boards.checkup import board_checks, clock_skew_s
from edgekit.boards.deploy_plan import Ground
from edgekit.boards.probing import Probed
from edgekit.core.board import BoardEntry, BoardFacts
from edgekit.core.checkup import Check, State
from edgekit.core.record import Unavailable
from samples import board_facts

GROUND = Ground(
    free_bytes=10**10,
    free_inodes=10_000,
    is_noexec=False,
    is_writable=True,
    missing_modules=(),
    has_ssh_keygen=True,
    has_systemd=True,
    keys=("ssh-ed25519 AAAA",),
    profile="raspberrypi-4b",
    lease=None,
)
ASKED = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def checks_of(facts: BoardFacts, ground: Ground = GROUND, skew_s: float = 0.0) -> dict[str, Check]:
    entry = BoardEntry("pi", "raspberrypi-4b", host="10.0.0.2")
    probed = Probed(entry, "raspberrypi-4b", facts, ground, (), {"litert": ""}, ())
    found = board_checks(probed, round_trip_s=0.4, clock_skew_s=skew_s)
    return {check.name: check for check in found}


def test_a_board_in_order_has_only_the_governor_to_set() -> None:
    states = {name: check.state for name, check in checks_of(board_facts()).items()}
    assert states.pop("governor") is State.WARN
    assert set(states.values()) == {State.OK}


@pytest.mark.parametrize(
    ("changes", "name", "state"),
    [
        ({"python": "3.7.3"}, "Python", State.FAIL),
        ({"disk_free_mb": 50}, "free disk", State.FAIL),
        ({"disk_free_mb": 300}, "free disk", State.WARN),
        ({"ram_available_mb": 60}, "free memory", State.WARN),
        ({"temperature_c": 79.0}, "temperature", State.WARN),
        ({"throttled": "0x50000"}, "throttling", State.WARN),
        ({"throttled": "0x50005"}, "throttling", State.FAIL),
        ({"governor": "performance"}, "governor", State.OK),
        ({"governor": Unavailable("no cpufreq")}, "governor", State.OK),
    ],
)
def test_each_fault_is_told_with_a_cure(
    changes: dict[str, object], name: str, state: State
) -> None:
    found = checks_of(dataclasses.replace(board_facts(), **changes))[name]  # type: ignore[arg-type]  # fields of facts
    assert found.state is state
    assert bool(found.cure) == (state is not State.OK)


def test_ground_and_clock_count_too() -> None:
    bad = dataclasses.replace(
        GROUND, missing_modules=("zlib",), is_noexec=True, is_writable=False, keys=()
    )
    found = checks_of(board_facts(), bad, skew_s=-86_400.0)
    assert found["Python modules"].state is State.FAIL
    assert found["home can run programs"].state is State.FAIL
    assert found["home can be written"].state is State.FAIL
    assert found["signed releases only"].state is State.WARN
    assert found["clock"].state is State.WARN


def test_the_way_to_the_board_is_no_skew() -> None:
    facts = dataclasses.replace(board_facts(), probed_utc="2026-11-24T12:00:03Z")
    assert clock_skew_s(facts, ASKED, ASKED + timedelta(seconds=5)) == 0.0
    assert clock_skew_s(facts, ASKED, ASKED + timedelta(seconds=1)) == 2.0
    assert (
        clock_skew_s(facts, ASKED + timedelta(seconds=63), ASKED + timedelta(seconds=64)) == -60.0
    )
