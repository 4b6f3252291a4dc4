"""The command line as a whole: help without heavy imports, errors, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.cli.exits import MEANING
from edgekit.cli.group import summaries
from edgekit.cli.main import run

HEAVY = [
    "ai_edge_litert",
    "asyncssh",
    "cryptography",
    "jinja2",
    "kserve",
    "numpy",
    "onnx",
    "onnxruntime",
    "openvino",
    "paramiko",
    "PIL",
    "pydantic",
    "rich",
    "scipy",
    "skimage",
    "sklearn",
    "tensorflow",
    "torch",
]
BLOCKED = f"""
import sys
for name in {HEAVY!r}:
    sys.modules[name] = None
from edgekit.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def run_blocked(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BLOCKED, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_lists_every_command_with_its_summary() -> None:
    done = run_blocked("--help")
    assert done.returncode == 0, done.stderr
    for name, summary in summaries().items():
        assert f"  {name} " in done.stdout
        assert summary, name


@pytest.mark.parametrize("name", list(summaries()))
def test_no_help_imports_a_heavy_library(name: str) -> None:
    done = run_blocked(name, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: edgekit")


@pytest.mark.parametrize("name", list(summaries()))
def test_every_command_prints_json_and_shows_an_example(name: str) -> None:
    text = run_blocked(name, "--help").stdout
    assert "--json" in text or "Commands:" in text
    assert "edgekit " + name in text.partition("\n")[2], "the help has no example"


def test_a_mistyped_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["convrt"]) == 2
    assert "convert" in capsys.readouterr().err


def test_bare_edgekit_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    run([])
    captured = capsys.readouterr()
    assert "Usage: edgekit" in captured.out + captured.err


def test_exit_codes_are_a_help_topic(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "exit-codes"]) == 0
    text = capsys.readouterr().out
    assert all(str(code) in text and meaning in text for code, meaning in MEANING.items())
    assert run(["help", "exit-codes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["7"] == MEANING[7]


def test_an_error_with_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "exit-code", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["exit_code"] == 2
    assert "exit-codes" in error["hint"]


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    script = (
        f"{sys.executable} -m edgekit.cli.main help exit-codes | true; exit ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stderr == b""


def test_the_version() -> None:
    environment = os.environ | {"PYTHONWARNINGS": "error"}
    command = [sys.executable, "-c", BLOCKED, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.startswith("edgekit, version ")
