"""Workers in tool environments: replies, errors, crashes and time-outs come back as they are."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.core.errors import HostileModel, StepFailed, ToolEnvironmentError
from edgekit.toolenvs import pins
from edgekit.toolenvs.environment import COMPLETE_MARK, ensure, environment_folder, is_ready
from edgekit.toolenvs.worker import Limits, call

WORKER = "edgekit.toolenvs.selftest"


def is_running(pid: int) -> bool:
    """False for a process that is gone or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return False
    return fields[0] not in "ZX"


@pytest.fixture
def bare_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pins.ToolEnvironment]:
    """A tool environment that holds only an interpreter, in a cache of its own."""
    monkeypatch.setenv("EDGEKIT_CACHE_DIR", str(tmp_path / "cache"))
    environment = pins.ToolEnvironment("bare", "for tests", (), 1)
    pins.ENVIRONMENTS["bare"] = environment
    folder = environment_folder(environment)
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / COMPLETE_MARK).write_text("")
    yield environment
    del pins.ENVIRONMENTS["bare"]


@pytest.mark.usefixtures("bare_environment")
class TestCall:
    def test_reply(self) -> None:
        reply = call("bare", WORKER, {"do": "echo", "value": [1, "ä"]})
        assert reply["value"] == [1, "ä"]

    def test_chatter_does_not_reach_the_reply(self, tmp_path: Path) -> None:
        log = tmp_path / "log.txt"
        assert call("bare", WORKER, {"do": "echo", "value": 1, "print": "noise"}, log=log) == {
            "value": 1
        }
        assert "noise" in log.read_text()

    def test_an_error_of_ours_comes_back_as_itself(self) -> None:
        with pytest.raises(HostileModel, match="bad file") as caught:
            call("bare", WORKER, {"do": "refuse", "message": "bad file"})
        assert caught.value.hint == "do not"

    def test_any_other_exception_becomes_a_failed_step(self) -> None:
        with pytest.raises(StepFailed, match="ZeroDivisionError"):
            call("bare", WORKER, {"do": "divide"})

    def test_a_crash_names_its_signal(self) -> None:
        with pytest.raises(StepFailed, match="SIGSEGV"):
            call("bare", WORKER, {"do": "crash"})

    def test_a_hanging_worker_is_ended_with_its_children(self, tmp_path: Path) -> None:
        pid_file = tmp_path / "pid"
        with pytest.raises(StepFailed, match="did not end"):
            call(
                "bare", WORKER, {"do": "hang", "pid_file": str(pid_file)}, limits=Limits(time_s=6)
            )
        deadline = time.monotonic() + 10  # the kernel ends a killed process in its own time
        while is_running(int(pid_file.read_text())) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not is_running(int(pid_file.read_text()))

    def test_a_worker_that_takes_too_much_memory_is_ended(self) -> None:
        with pytest.raises(StepFailed, match="of memory, allowed are 100 MB"):
            call(
                "bare",
                WORKER,
                {"do": "hog", "size_bytes": 300_000_000},
                limits=Limits(memory_bytes=100_000_000),
            )

    def test_telemetry_is_off_and_the_host_packages_are_out_of_sight(self) -> None:
        reply = call("bare", WORKER, {"do": "environment"})
        assert reply["variables"]["ORT_DISABLE_TELEMETRY"] == "1"
        assert reply["variables"]["NNCF_CI"] == "1"
        assert sorted(os.path.basename(name) for name in reply["sources"]) == [
            "edgekit",
            "edgekit_runner",
        ]


def test_unknown_environment() -> None:
    with pytest.raises(ToolEnvironmentError) as caught:
        ensure("onx")
    assert "onnx" in caught.value.hint


def test_no_space_is_said_before_anything_is_made(
    bare_environment: pins.ToolEnvironment,
) -> None:
    pins.ENVIRONMENTS["bare"] = pins.ToolEnvironment("bare", "for tests", ("x",), 10**9)
    with pytest.raises(ToolEnvironmentError, match="needs 1000000 GB|free"):
        ensure("bare")
    assert not is_ready("bare")


@pytest.mark.slow
def test_a_requirement_that_does_not_exist_leaves_no_environment(
    bare_environment: pins.ToolEnvironment,
) -> None:
    broken = pins.ToolEnvironment("bare", "for tests", ("edgekit-no-such-thing==9",), 1)
    pins.ENVIRONMENTS["bare"] = broken
    with pytest.raises(ToolEnvironmentError, match="bare failed"):
        ensure("bare")
    assert not environment_folder(broken).exists()


@pytest.mark.slow
def test_an_environment_of_ones_own_takes_distributions_without_their_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEKIT_CACHE_DIR", str(tmp_path))
    own = pins.ToolEnvironment(
        "own", "for tests", ("idna==3.10",), 1, unbound=("pytest-timeout==2.4.0",)
    )
    python = ensure(own)
    found = "from importlib.metadata import distributions as d; print([i.name for i in d()])"
    done = subprocess.run([python, "-c", found], capture_output=True, text=True, check=True)
    assert "pytest-timeout" in done.stdout
    assert "'pytest'" not in done.stdout
    assert ensure(own) == python


def test_every_environment_is_pinned() -> None:
    for environment in pins.ENVIRONMENTS.values():
        assert all("==" in item or "<" in item for item in environment.requirements)
        assert environment.purpose


@pytest.mark.usefixtures("bare_environment")
def test_a_failed_worker_names_a_log_that_is_there() -> None:
    with pytest.raises(StepFailed) as caught:
        call("bare", WORKER, {"do": "divide", "print": "chatter"})
    log = Path(caught.value.hint.partition(": ")[2])
    assert "chatter" in log.read_text()
    assert "ZeroDivisionError" in log.read_text()
    before = set(log.parent.iterdir())
    call("bare", WORKER, {"do": "echo", "value": 1})
    assert set(log.parent.iterdir()) == before
