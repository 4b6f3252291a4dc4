"""Commands that look: diff, history, doctor, init, completion, lists of plug-ins."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edgekit.boards.inventory import add_board
from edgekit.cli.commands.doctor import redacted
from edgekit.cli.main import run
from edgekit.core.board import BoardEntry
from edgekit.core.record import save
from measure.test_measure_differences import run as run_of
from samples import echo_artifact

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEKIT_TABLES", "wide")
    return tmp_path


def save_runs(*factors: float) -> list[str]:
    runs = [run_of(factor, i, day=i) for i, factor in enumerate(factors, start=1)]
    return [str(save(found, Path(f"records/{found.id}.json"))) for found in runs]


def test_diff_says_what_is_slower_and_fails_when_asked(capsys: Captured) -> None:
    before, after = save_runs(1.0, 1.5)
    assert run(["diff", before, after]) == 0
    shown = capsys.readouterr().out
    assert "worse" in shown
    assert "TWO RUNS" in shown
    assert run(["diff", before, after, "--max-slower", "50%"]) == 0
    assert run(["diff", before, after, "--max-slower", "10%"]) == 7
    assert "10% was allowed" in capsys.readouterr().err
    assert run(["diff", before, after, "--json", "--max-slower", "10%"]) == 7
    document = json.loads(capsys.readouterr().out)
    assert document["kind"] == "edgekit.difference"


def test_diff_of_artifacts_and_of_different_things(here: Path, capsys: Captured) -> None:
    one, two = echo_artifact(here / "a"), echo_artifact(here / "b", content="y")
    (before,) = save_runs(1.0)
    assert run(["diff", str(one), str(two)]) == 0
    assert "input x" in capsys.readouterr().out
    assert run(["diff", str(one), before]) == 3
    assert "edgekit.artifact" in capsys.readouterr().err
    assert run(["diff", str(one), str(two), "--max-slower", "5%"]) == 3


def test_history_marks_regressions_and_tells_what_it_cannot_read(capsys: Captured) -> None:
    assert run(["history"]) == 3
    save_runs(1.0, 0.8, 1.0)
    Path("records/broken.json").write_text("{")
    Path("records/other.json").write_text('{"kind": "edgekit.lag_report"}')
    assert run(["history"]) == 0
    captured = capsys.readouterr()
    assert captured.out.count(" regression") == 1
    assert "cats int8-static on local" in captured.out
    assert "left out: records/broken.json" in captured.err
    assert run(["history", "--fail-on-regression"]) == 7
    assert "run-3" in capsys.readouterr().err
    assert run(["history", "--model", "cat"]) == 3
    assert "did you mean cats?" in capsys.readouterr().err


def test_doctor_of_a_new_machine(here: Path, capsys: Captured) -> None:
    assert run(["doctor", "--report", "d.txt"]) == 0
    captured = capsys.readouterr()
    assert "signing key" in captured.out
    assert "-> edgekit keys init" in captured.out
    text = Path("d.txt").read_text()
    assert str(Path.home()) not in text
    assert "environment onnx" in text


def test_doctor_of_a_board_that_is_not_there(capsys: Captured) -> None:
    add_board(BoardEntry("pi", "raspberrypi", host="127.0.0.1", port=1, user="me"))
    assert run(["doctor", "--board", "pi"]) == 5
    captured = capsys.readouterr()
    assert "fail  reachable" in captured.out
    assert run(["doctor", "--board", "pii"]) == 3
    assert "did you mean pi?" in capsys.readouterr().err


def test_a_broken_key_file_fails_the_host(here: Path, capsys: Captured) -> None:
    folder = Path.home() / ".ssh"
    folder.mkdir()
    (folder / "id_ed25519").write_text("secret")
    (folder / "id_ed25519").chmod(0o644)
    (folder / "id_ed25519.pub").write_text("public")
    assert run(["doctor"]) == 3
    captured = capsys.readouterr()
    assert "ssh key mode failed" in captured.err
    assert "chmod 600 ~/.ssh/id_ed25519" in captured.err


def test_reports_for_others_hold_no_names() -> None:
    add_board(BoardEntry("kitchen-pi", "raspberrypi", host="pi.example.org", user="jane"))
    home = Path.home()
    text = f"kitchen-pi at jane@pi.example.org (10.1.2.3, fe80::1:2:3) has {home}/x /etc/ssh/key 3.11.2"
    shown = redacted(text, ["kitchen-pi"])
    for word in ("kitchen", "jane", "example.org", "10.1.2.3", "fe80", str(home), "/etc"):
        assert word not in shown, shown
    assert "3.11.2" in shown


def test_init_takes_the_model_of_the_folder_and_its_file_is_read(capsys: Captured) -> None:
    assert run(["init"]) == 3
    assert "no model is here" in capsys.readouterr().err
    Path('od"d.onnx').write_text("x")
    arguments = [
        "init",
        "--board",
        "pi",
        "--calibration",
        "samples.npz",
        "--profile",
        "raspberrypi-5",
    ]
    assert run(arguments) == 0
    project = tomllib.loads(Path("edgekit.toml").read_text())
    assert project["model"]["path"] == 'od"d.onnx'
    assert project["target"] == {"board": "pi"}
    assert project["convert"]["calibration"] == "samples.npz"
    assert run(["init"]) == 3
    assert "--force" in capsys.readouterr().err
    assert run(["init", "--force", "--profile", "raspbery"]) == 3
    assert "did you mean raspberrypi" in capsys.readouterr().err
    Path("other.onnx").write_text("x")
    assert run(["init", "--force"]) == 3
    assert "several models" in capsys.readouterr().err


@pytest.mark.parametrize("noun", ["engines", "steps", "rules"])
def test_plugins_are_listed_shown_and_checked(noun: str, capsys: Captured) -> None:
    assert run([noun, "list", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    name = first.get("name") or first.get("step") or first.get("rule")
    assert run([noun, "show", name]) == 0
    assert name in capsys.readouterr().out
    assert run([noun, "check"]) == 0
    assert "are in order" in capsys.readouterr().out
    assert run([noun, "show", f"{name}x"]) == 3
    assert f"did you mean {name}" in capsys.readouterr().err


def completed(words: str, count: int) -> list[str]:
    """What bash is offered for the last word."""
    environment = {
        "COMP_WORDS": words,
        "COMP_CWORD": str(count),
        "_EDGEKIT_COMPLETE": "bash_complete",
    }
    program = Path(sys.executable).with_name("edgekit")
    command = ["env", *(f"{k}={v}" for k, v in environment.items()), str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_the_shell_completes_commands_and_names(here: Path) -> None:
    add_board(
        BoardEntry("kitchen-pi", "raspberrypi", host="10.0.0.2", user="pi"),
        inventory=here / "boards.toml",
    )
    echo_artifact(here / "artifact")
    assert completed("edgekit hist", 1) == ["history"]
    assert completed("edgekit run artifact --board kit", 4) == ["kitchen-pi"]
    assert completed("edgekit run art", 2) == ["artifact"]
    assert completed("edgekit boards probe ki", 3) == ["kitchen-pi"]
    assert "raspberrypi-5" in completed("edgekit profiles show rasp", 3)
    assert completed("edgekit net show fib", 3) == ["fiber"]
    assert completed("edgekit run artifact --engine lite", 4) == ["litert"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_program(shell: str, capsys: Captured) -> None:
    assert run(["completion", shell]) == 0
    assert "_EDGEKIT_COMPLETE" in capsys.readouterr().out
