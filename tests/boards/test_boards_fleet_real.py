"""Rollouts from the command line to many boards behind a real OpenSSH server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.cli.main import run
from samples import echo_artifact
from sshd import need_sshd
from targets import Targets

pytestmark = pytest.mark.e2e

TIMEOUT_S = 2.0


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Targets]:
    need_sshd()
    with Targets(tmp_path / "lab", 24, silent=2) as targets:
        yield targets


def deploy(lab: Targets, artifact: Path, records: Path, *more: str) -> tuple[int, list[str]]:
    """Exit code, and the command line."""
    command = ["deploy", str(artifact), "--fleet", str(lab.inventory), "--records", str(records)]
    command += ["--connect-timeout", str(TIMEOUT_S), *more]
    return run(command), command


def active(lab: Targets, number: int) -> bool:
    return (lab.home(number) / ".edgekit" / "apps" / "echo-model").is_symlink()


def test_silent_boards_fail_and_the_others_do_not_notice(
    lab: Targets, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact, records = echo_artifact(tmp_path / "artifact"), tmp_path / "records"
    code, _ = deploy(lab, artifact, records, "--max-fail", "10%", "--threads", "8", "--json")
    report = json.loads(capsys.readouterr().out)
    assert code == 0
    states = {row["board"]: row["state"] for row in report["rows"]}
    silent = {lab.name(n) for n in range(lab.count) if lab.is_silent(n)}
    assert len(silent) == 2
    assert {name for name, state in states.items() if state == "failed"} == silent
    assert all(active(lab, n) is not lab.is_silent(n) for n in range(lab.count))
    (retry,) = records.glob("*.retry")
    assert set(retry.read_text().split()) == silent
    code, _ = deploy(lab, artifact, records, "--limit", f"@{retry}", "--max-fail", "100%")
    assert code == 7  # the canary is silent, too
    assert "canary" in capsys.readouterr().err


def test_a_dry_run_shows_the_waves_and_touches_nothing(
    lab: Targets, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = echo_artifact(tmp_path / "artifact")
    more = ("--tag", "kitchen", "--canary", "2", "--wave", "50%", "--dry-run")
    code, _ = deploy(lab, artifact, tmp_path / "records", *more)
    assert code == 0
    assert "canary 0: board-0001, board-0003" in capsys.readouterr().out
    assert not any(active(lab, n) for n in range(lab.count))


def test_a_bad_release_ends_at_the_canary(
    lab: Targets, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = echo_artifact(tmp_path / "artifact")
    (artifact / "model.onnx").write_text("[]")
    code, _ = deploy(lab, artifact, tmp_path / "records", "--max-fail", "100%")
    assert code == 7
    assert "23 boards were not touched" in capsys.readouterr().err
    assert sum((lab.home(n) / ".edgekit").exists() for n in range(lab.count)) <= 1


def test_a_killed_controller_is_taken_up_by_the_next(
    lab: Targets, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact, records = echo_artifact(tmp_path / "artifact"), tmp_path / "records"
    more = ("--max-fail", "100%", "--threads", "2", "--canary", "0", "--wave", "100%", "--json")
    command = ["deploy", str(artifact), "--fleet", str(lab.inventory), "--records", str(records)]
    command += ["--connect-timeout", str(TIMEOUT_S), *more]
    first = subprocess.Popen(
        [sys.executable, "-m", "edgekit.cli.main", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ,
    )

    def finished() -> int:
        journals = list(records.glob("*.jsonl"))
        return journals[0].read_text().count('"done"') if journals else 0

    deadline = time.monotonic() + 60
    while finished() < 5:
        assert first.poll() is None
        assert time.monotonic() < deadline
    first.kill()
    first.wait()
    seen = finished()
    assert seen < 22
    assert run(command) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["resumed"] >= seen
    assert sum(active(lab, n) for n in range(lab.count)) == 22


def test_fleet_options_need_a_fleet(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["deploy", "x", "--board", "local", "--tag", "kitchen"]) == 2
    assert "--tag needs --fleet" in capsys.readouterr().err
    assert run(["deploy", "x"]) == 2
    assert "--board NAME, or --fleet FILE" in capsys.readouterr().err
    assert run(["deploy", "x", "--board", "a", "--fleet", "b"]) == 2
