"""Rates and percentiles between two looks at a service; what the dashboard asks for."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.boards.inventory import add_board
from edgekit.boards.services import ServiceState, _state
from edgekit.boards.watching import WatchRow, quantile_ms, row_of
from edgekit.cli.main import run
from edgekit.cli.watch_rows import WatchTable
from edgekit.core.board import BoardEntry
from edgekit_runner.board_metrics import board_lines
from edgekit_runner.sensors import Sensors
from edgekit_runner.served_model import BUCKETS_S, Counters

DASHBOARD = Path(__file__).resolve().parents[2] / "docs/grafana/edgekit-boards.json"


def state(*spent_s: float, **changes: object) -> ServiceState:
    """After inferences that took so long."""
    bounds = (*BUCKETS_S, float("inf"))
    buckets = tuple((b, sum(s <= b for s in spent_s)) for b in bounds)
    made = ServiceState(
        "cats", "u", "active", serving="abc", requests=len(spent_s), buckets=buckets
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]  # fields of the state


def test_a_row_is_about_what_happened_since_the_look_before() -> None:
    slow, fast = [0.9] * 50, [0.010] * 100
    row = row_of("pi", state(*slow), state(*slow, *fast), 10.0)
    assert row.rate_hz == 10.0
    assert row.p50_ms == pytest.approx(10.0, rel=0.5)
    assert row.p95_ms == pytest.approx(10.0, rel=0.5)
    first = row_of("pi", None, state(*fast), 0.0)
    assert first.rate_hz is None
    assert first.p50_ms
    idle = row_of("pi", state(*fast), state(*fast), 2.0)
    assert (idle.rate_hz, idle.p50_ms) == (0.0, None)
    restarted = row_of("pi", state(*slow), state(*fast[:3]), 2.0)
    assert restarted.rate_hz is None
    assert restarted.p50_ms == pytest.approx(10.0, rel=0.5)


@given(st.lists(st.floats(1e-3, 5.0), min_size=1, max_size=200), st.sampled_from([0.5, 0.95]))
def test_percentiles_are_right_within_a_bucket(spent: list[float], q: float) -> None:
    found = quantile_ms(state(*spent).buckets, q)
    ordered = sorted(spent)
    exact = ordered[min(int(q * len(ordered)), len(ordered) - 1)] * 1e3
    near = [value * 1e3 for value in ordered]
    assert found is not None
    assert any(value / 1.51 <= found <= value * 1.51 for value in (exact, *near))


def test_rows_on_a_terminal_are_drawn_over_and_plain_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    rows = [
        WatchRow("pi", "cats", "0123456789abcdef", "active", 3.0, 1.5, 2.5, 61.0, True),
        WatchRow("pj", last_error="\x1b[31mno route"),
    ]
    live, plain = WatchTable(Terminal()), WatchTable(io.StringIO())
    for table in (live, plain):
        table.show(rows)
        table.show(rows)
    drawn = live.stream.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert drawn.count("\x1b[4F\x1b[J") == 1
    assert "61 C slowed" in drawn
    lines = plain.stream.getvalue().splitlines()  # type: ignore[attr-defined]  # a StringIO
    assert len(lines) == 4
    assert lines[1].split("\t")[3:4] == ["unreachable"]
    assert "\x1b" not in "".join(lines)


def test_the_command_tells_of_boards_that_are_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, tags in (("pi", ("kitchen",)), ("pj", ())):
        entry = BoardEntry(name, "raspberrypi", host="127.0.0.1", port=1, user="me", tags=tags)
        add_board(entry, inventory=tmp_path / "boards.toml")
    assert run(["watch", "--fleet", "--count", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert run(["watch", "--fleet", "--tag", "kitchen", "--json"]) == 0
    looks = json.loads(capsys.readouterr().out)["looks"]
    assert [row["board"] for row in looks[0]] == ["pi"]
    assert looks[0][0]["last_error"]
    assert run(["watch"]) == 2
    assert run(["watch", "pii"]) == 3
    assert "did you mean pi" in capsys.readouterr().err
    assert run(["watch", "--fleet", "--tag", "attic"]) == 3


def test_the_dashboard_asks_for_what_the_service_tells(tmp_path: Path) -> None:
    zone = tmp_path / "sys/class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "type").write_text("cpu-thermal")
    (zone / "temp").write_text("61200")
    policy = tmp_path / "sys/devices/system/cpu/cpufreq/policy0"
    policy.mkdir(parents=True)
    (policy / "scaling_cur_freq").write_text("1500000")
    device = tmp_path / "sys/class/thermal/cooling_device0"
    device.mkdir(parents=True)
    (device / "type").write_text("cpufreq-cpu0")
    (device / "cur_state").write_text("2")
    lines = [*Counters().lines(), *board_lines(Sensors(str(tmp_path))), "edgekit_info 1"]
    assert "edgekit_temperature_celsius 61.2" in lines
    assert "edgekit_clock_hertz 1500000000" in lines
    assert "edgekit_throttled 1" in lines
    told = {re.split(r"[{ ]", line)[0] for line in lines if not line.startswith("#")}
    asked = set(re.findall(r"edgekit_\w+", DASHBOARD.read_text()))
    assert asked <= told, asked - told
    assert board_lines(Sensors(str(tmp_path / "nothing"))) == []


def test_what_the_service_tells_arrives_on_the_host() -> None:
    counters = Counters()
    for spent_s in (0.004, 0.004, 0.4):
        counters.add(spent_s)
        counters.answered("ok")
    lines = [*counters.lines(), "edgekit_temperature_celsius 61.2", "edgekit_throttled 0"]
    told = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    event = {
        "event": "service",
        "app": "cats",
        "unit": "u",
        "state": "active",
        "last_error": "ValueError: \x1b[31mno",
        "metrics": {name: float(value) for name, _, value in told},
    }
    found = _state([event])
    assert found.requests == 3
    assert found.temperature_c == 61.2
    assert found.is_throttled is False
    assert "\x1b" not in found.last_error
    p50 = quantile_ms(found.buckets, 0.5)
    assert p50 == pytest.approx(4.0, rel=0.5)
