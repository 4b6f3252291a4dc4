"""Calls as forks of a server: as separate as processes of their own."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edgekit.core.errors import HostileModel, StepFailed
from edgekit.toolenvs.fork_servers import active_servers, fork_servers
from edgekit.toolenvs.worker import Limits, call, limited

SELFTEST = "edgekit.toolenvs.selftest"
ENVIRONMENT = "sklearn"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_calls_in_forks_do_what_calls_in_processes_do(tmp_path: Path) -> None:
    with fork_servers({ENVIRONMENT: ("json", "numpy")}):
        assert active_servers("onnx") is None
        assert call(ENVIRONMENT, SELFTEST, {"do": "echo", "value": 3}) == {"value": 3}
        with pytest.raises(HostileModel, match="evil"):
            call(ENVIRONMENT, SELFTEST, {"do": "refuse", "message": "evil"})
        with pytest.raises(StepFailed, match="SIGSEGV"):
            call(ENVIRONMENT, SELFTEST, {"do": "crash"})
        log = tmp_path / "log.txt"
        call(ENVIRONMENT, SELFTEST, {"do": "echo", "value": 1, "print": "chatter"}, log=log)
        assert "chatter" in log.read_text(encoding="utf-8")
        variables = call(ENVIRONMENT, SELFTEST, {"do": "environment"})["variables"]
        assert variables["ORT_DISABLE_TELEMETRY"] == "1"
    assert active_servers(ENVIRONMENT) is None


def test_a_fork_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with fork_servers({ENVIRONMENT: ()}), limited(Limits(time_s=3.0)):
        with pytest.raises(StepFailed, match="did not end within 3 s"):
            call(ENVIRONMENT, SELFTEST, {"do": "hang", "pid_file": str(pid_file)})
        assert _is_gone_soon(int(pid_file.read_text(encoding="utf-8")))
        assert call(ENVIRONMENT, SELFTEST, {"do": "echo", "value": 5}) == {"value": 5}


def _is_gone_soon(pid: int) -> bool:
    """A killed process stays in sight until the kernel has taken it down."""
    deadline = time.monotonic() + 20
    while not (gone := _is_gone(pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return gone


def _is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
    except OSError:
        return True
    return state.split()[0] == "Z"


def test_calls_side_by_side_have_a_server_each() -> None:
    with fork_servers({ENVIRONMENT: ()}), ThreadPoolExecutor(3) as pool:
        replies = pool.map(
            lambda i: call(ENVIRONMENT, SELFTEST, {"do": "echo", "value": i}), range(9)
        )
        assert [reply["value"] for reply in replies] == list(range(9))
