"""The runner as the board sees it: one archive, any Python since 3.8, JSON lines only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from edgekit.boards.runner_archive import runner_archive
from edgekit.core.board import BoardFacts
from edgekit.core.record import from_plain
from edgekit_runner import wire


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "runner.pyz"
    path.write_bytes(runner_archive())
    return path


# Any: JSON
def call(archive: Path, command: str, request: object, home: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-I", str(archive), command],
        input=json.dumps(request) if not isinstance(request, str) else request,
        capture_output=True,
        text=True,
        env={"HOME": str(home), "PATH": os.defpath},
        check=False,
        timeout=60,
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events, done.stderr
    assert (done.returncode == 0) == (events[-1]["event"] == "done")
    return events


def test_the_same_bytes_every_time_and_no_dependency() -> None:
    first = runner_archive()
    runner_archive.cache_clear()
    assert runner_archive() == first
    assert len(first) < 150_000
    names = zipfile.ZipFile(BytesIO(first)).namelist()
    assert all(name.startswith("edgekit_runner/") or name == "__main__.py" for name in names)


def test_probe_fills_every_field(archive: Path, tmp_path: Path) -> None:
    events = call(archive, "probe", {"home": str(tmp_path)}, tmp_path)
    facts = from_plain(BoardFacts, events[0]["facts"])
    assert facts.python == sys.version.split()[0]
    assert facts.engines["echo"] == "1"
    assert facts.cpu_count >= 1


@pytest.mark.parametrize(
    ("command", "request_text"),
    [("fly", "{}"), ("probe", "not json"), ("probe", "[]"), ("install", "{}"), ("check", "{}")],
)
def test_a_bad_request_is_one_error_line(
    archive: Path, tmp_path: Path, command: str, request_text: str
) -> None:
    events = call(archive, command, request_text, tmp_path)
    assert [event["event"] for event in events] == ["error"]
    assert events[0]["code"] == wire.ERROR_BAD_REQUEST


def test_the_source_is_python_3_8() -> None:
    source = Path(wire.__file__).parent
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("vermin")),
            "--no-tips",
            "-t=3.8-",
            "--violations",
            str(source),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
