"""The runner on every Python that boards have and this machine offers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from edgekit.boards.runner_archive import runner_archive
from edgekit.core.board import BoardFacts
from edgekit.core.measurement import RunOptions
from edgekit.core.record import from_plain
from edgekit.measure.collected import Collected
from samples import echo_artifact

VERSIONS = ("3.8", "3.9", "3.11", "3.13")
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
"""Read before a test changes the home."""


@cache
def interpreter(version: str) -> str:
    """A Python of that version: in the path, or among pyenv's; empty when there is none."""
    found = shutil.which(f"python{version}")
    candidates = [Path(found)] if found else []
    candidates += sorted((PYENV / "versions").glob(f"{version}.*/bin/python3"))
    for path in candidates:
        done = subprocess.run([path, "-V"], capture_output=True, text=True, check=False)
        if done.stdout.startswith(f"Python {version}."):
            return str(path)
    return ""


@pytest.mark.parametrize("version", VERSIONS)
def test_the_archive_probes_and_measures(version: str, tmp_path: Path) -> None:
    python = interpreter(version)
    if not python:
        pytest.skip(f"no Python {version} on this machine")
    archive = tmp_path / "runner.pyz"
    archive.write_bytes(runner_archive())

    def call(command: str, request: object) -> list[dict[str, object]]:
        done = subprocess.run(
            [python, "-I", str(archive), command],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            env={"HOME": str(tmp_path), "PATH": os.defpath},
            check=False,
            timeout=60,
        )
        said = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0, done.stderr + done.stdout
        return said

    facts = from_plain(BoardFacts, call("probe", {"home": str(tmp_path)})[0]["facts"])
    assert facts.python.startswith(version)
    request = {
        "release_path": str(echo_artifact(tmp_path / "release")),
        "engine": "echo",
        "threads": 1,
        "runs": 30,
        "warmup_runs": 2,
        "variant": "native",
        "concurrency": 2,
        "rate_hz": 1000,
        "deadline_s": 60,
    }
    collected = Collected(RunOptions("echo", 1, 30, 2, rate_hz=1000.0))
    for event in call("run", request):
        collected.take(event)
    samples, starts = collected.samples()
    assert len(starts) == 30
    assert set(samples["stream"]) == {0, 1}
    assert collected.ended
