"""Terminals, pipes, disks, homes and locales as they can be; names as boards can send them."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.cli.fleet_rows import describe
from edgekit.cli.live import LiveLine
from edgekit.cli.main import run
from edgekit.cli.output import can_redraw
from edgekit.core.fleet import BoardRow, BoardState
from edgekit.core.record import dump, save
from samples import measurement

EDGEKIT = str(Path(sys.executable).with_name("edgekit"))
ESCAPES = "pi\x1b[2J\x1b]0;owned\x07\u202egnp\r\x9b31m"
STEERING = re.compile(r"[^\S \n\t]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")


def edgekit(
    *arguments: str, shell: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs the program in a shell that may redirect it, with settings of its own."""
    command = ["sh", "-c", f'"$0" "$@" {shell}', EDGEKIT, *arguments]
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False
    )


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_dumb_terminal_and_a_pipe_get_lines_and_no_escapes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = {"event": "progress", "phase": ESCAPES, "count": 3, "elapsed_ns": 10**9}
    shown = {}
    for term in ("xterm", "dumb"):
        monkeypatch.setenv("TERM", term)
        stream = Terminal()
        live = LiveLine(stream=stream)
        live.take(event)
        live.close()
        shown[term] = stream.getvalue()
    assert shown["xterm"].startswith("\r\x1b[K")
    assert shown["xterm"].count("\x1b") == 2, "only our own"
    assert not STEERING.search(shown["dumb"])
    assert not can_redraw(io.StringIO())


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {}])
def test_output_has_no_escape(setting: dict[str, str]) -> None:
    done = edgekit("rules", "list", **setting)
    assert done.returncode == 0
    assert not STEERING.search(done.stdout + done.stderr)


@pytest.mark.parametrize("shell", ["| head -n 1", ">&-", "2>&-", ">&- 2>&-", "| true"])
def test_closed_pipes_and_streams_are_no_failure(shell: str) -> None:
    done = edgekit("rules", "list", shell=shell)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "error" not in done.stderr


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    done = edgekit("rules", "list", shell="> /dev/full")
    assert done.returncode == 3
    assert "No space left on device" in done.stderr
    assert "free some space" in done.stderr
    record = save(measurement(), tmp_path / "run.json")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    command = [EDGEKIT, "report", str(record), "--html", str(tmp_path / "out/report.html")]
    written = subprocess.run(
        command, preexec_fn=limit, capture_output=True, text=True, check=False
    )
    assert written.returncode == 3, written.stderr
    assert "cannot be written: File too large" in written.stderr
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("net list", 0),
        ("profiles show raspberrypi", 0),
        ("boards list", 0),
        ("doctor", 3),
        ("keys init", 3),
        ("boards add pi --host 10.0.0.2 --profile raspberrypi", 3),
        ("boards probe local", 3),
    ],
)
def test_a_home_that_cannot_be_written_is_told(arguments: str, code: int) -> None:
    home = "/proc/there-is-no-home"  # root may write everywhere else
    cache = f"{home}/.cache"
    done = edgekit(
        *arguments.split(), HOME=home, EDGEKIT_CACHE_DIR=cache, EDGEKIT_LOCAL_BOARD=home + "/b"
    )
    assert done.returncode == code, done.stderr
    assert "internal error" not in done.stderr
    assert code == 0 or "hint:" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_other_locales_lose_letters_only(locale: str, tmp_path: Path) -> None:
    named = dataclasses.replace(measurement(), board="küche-π")
    record = save(named, tmp_path / "run.json")
    settings = {
        "LC_ALL": locale,
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "ascii",
    }
    done = edgekit("report", str(record), "--html", str(tmp_path / "r.html"), **settings)
    assert done.returncode == 0, done.stderr
    assert "küche-π" in (tmp_path / "r.html").read_text(encoding="utf-8")
    shown = edgekit("report", str(record), **settings)
    assert shown.returncode == 0, shown.stderr
    assert "k?che-?" in shown.stdout


@pytest.mark.slow
def test_no_file_is_read_by_the_encoding_of_the_locale(tmp_path: Path) -> None:
    record = save(measurement(), tmp_path / "run.json")
    for arguments in (["report", str(record)], ["profiles", "check"], ["net", "list"], ["doctor"]):
        done = edgekit(
            *arguments, PYTHONWARNDEFAULTENCODING="1", PYTHONWARNINGS="error::EncodingWarning"
        )
        assert done.returncode == 0, done.stderr


def test_a_record_of_a_newer_version_says_to_update(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = dump(measurement()) | {"schema": 99, "tool": "edgekit 9.0"}
    newer = tmp_path / "newer.json"
    newer.write_text(json.dumps(document))
    for command in (["report"], ["explain"], ["diff", str(newer)]):
        assert run([*command, str(newer)]) == 3
        assert "update edgekit" in capsys.readouterr().err
    (tmp_path / "records").mkdir()
    newer.rename(tmp_path / "records/newer.json")
    assert run(["history", str(tmp_path / "records")]) == 0
    assert "schema 99" in capsys.readouterr().err


@pytest.mark.parametrize("name", [ESCAPES, "x" * 10_000, "<script>alert(1)</script>", "../../etc"])
def test_names_from_elsewhere_steer_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    named = dataclasses.replace(
        measurement(), board=name, machine=name, engine=name, model={"name": name, "recipe": name}
    )
    record = str(save(named, tmp_path / "records/run.json"))
    for arguments in (["report", record], ["history"], ["diff", record, record]):
        assert run(arguments) == 0
        captured = capsys.readouterr()
        assert not STEERING.search(captured.out + captured.err)
    forms = ("html", "markdown", "csv", "junit", "trace")
    files = [part for form in forms for part in (f"--{form}", f"out/{form}")]
    assert run(["report", record, "--title", name, *files]) == 0
    assert "<script>alert" not in Path("out/html").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "records"]


def test_errors_and_fleet_rows_are_plain_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profiles", "show", ESCAPES]) == 3
    assert not STEERING.search(capsys.readouterr().err)
    row = BoardRow("pi", 0, BoardState.FAILED, message=ESCAPES)
    assert not STEERING.search(describe(row))
