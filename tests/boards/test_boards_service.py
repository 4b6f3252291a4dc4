"""The service under a real systemd: deployed, killed, hung, updated, rolled back, removed."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import need_or_skip
from edgekit.boards.deploy import Deployed, DeployRequest, deploy
from edgekit.boards.releases import roll_back
from edgekit.boards.services import (
    ServiceRequest,
    ServiceState,
    remove_service,
    restart_service,
    service_logs,
    service_state,
)
from edgekit.boards.session import ensure_runner, runner_session
from edgekit.core.board import BoardEntry
from edgekit.core.deploy import Action
from edgekit.core.errors import BoardError, BoardMismatch
from samples import echo_artifact
from systemd_machine import NotPossible, SystemdMachine, missing_program

pytestmark = pytest.mark.e2e
ENTRY = BoardEntry("machine", "generic-x86-64", stand_in=True)
APP = "echo-model"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdMachine]:
    """A systemd in namespaces; skipped where the kernel or a container does not let us have one."""
    if os.geteuid() != 0:
        pytest.skip("root is needed, to make namespaces")
    need_or_skip(not missing_program(), missing_program())
    need_or_skip(shutil.which("ssh-keygen") is not None, "ssh-keygen")
    try:
        made = SystemdMachine(tmp_path_factory.mktemp("machine") / "m")
    except (NotPossible, OSError) as reason:
        pytest.skip(f"no systemd in namespaces here: {reason}")
    with made:
        yield made


@pytest.fixture(scope="module")
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def put(machine: SystemdMachine, folder: Path, service: ServiceRequest | None = None) -> Deployed:
    return deploy(DeployRequest(folder, ENTRY, service=service), machine)


def state(machine: SystemdMachine) -> ServiceState:
    return service_state(runner_session(machine), APP)


def wait_for(machine: SystemdMachine, good: Callable[[ServiceState], bool]) -> ServiceState:
    deadline = time.monotonic() + 60
    while True:
        found = state(machine)
        if good(found):
            return found
        assert time.monotonic() < deadline, found


def pid(machine: SystemdMachine) -> str:
    unit = f"edgekit-{APP}.service"
    shown = machine.run(["systemctl", "show", "--property=MainPID", "--value", unit])
    return shown.stdout.decode().strip()


def test_the_life_of_a_service(machine: SystemdMachine, port: int, tmp_path: Path) -> None:
    # deployed with a service, it is served before the deployment is confirmed
    first = put(machine, echo_artifact(tmp_path / "a", content="a"), ServiceRequest(port, 1))
    assert first.deployment
    assert first.deployment.service_port == port
    assert Action.SERVICE in {step.action for step in first.plan.steps}
    found = state(machine)
    assert (found.state, found.serving) == ("active", first.deployment.release)
    assert found.is_system

    # killed, it comes back
    machine.run(["kill", "-9", pid(machine)])
    found = wait_for(machine, lambda s: s.restarts >= 1 and bool(s.serving))
    assert found.serving == first.deployment.release

    # a new release is served without saying so again; a rollback, too
    second = put(machine, echo_artifact(tmp_path / "b", content="b"))
    assert second.deployment
    assert state(machine).serving == second.deployment.release
    roll_back(runner_session(machine), APP)
    assert restart_service(runner_session(machine), APP, {}).serving == first.deployment.release

    # hung, the watchdog ends it and it comes back
    drop_in = f"/etc/systemd/system/edgekit-{APP}.service.d"
    machine.run(["mkdir", "-p", drop_in])
    machine.put(b"[Service]\nWatchdogSec=1\n", f"{drop_in}/fast.conf")
    machine.run(["systemctl", "daemon-reload"])
    restart_service(runner_session(machine), APP, {})
    hung = pid(machine)
    machine.run(["kill", "-STOP", hung])
    wait_for(machine, lambda s: bool(s.serving))
    assert pid(machine) != hung
    assert any("atchdog" in line for line in service_logs(runner_session(machine), APP, 50))
    machine.run(["rm", "-r", drop_in])

    assert remove_service(runner_session(machine), APP).state == "removed"
    with pytest.raises(BoardError, match="has no service"):
        restart_service(runner_session(machine), APP, {})


def test_a_release_whose_service_does_not_answer_is_taken_back(
    machine: SystemdMachine, port: int, tmp_path: Path
) -> None:
    first = put(machine, echo_artifact(tmp_path / "c", content="c"), ServiceRequest(port, 1))
    assert first.deployment
    with socket.create_server(("127.0.0.1", 0)) as taken:  # the network is this machine's own
        busy = ServiceRequest(taken.getsockname()[1], 1)
        with pytest.raises(BoardError, match="does not answer|does not start"):
            put(machine, echo_artifact(tmp_path / "d", content="d"), busy)
    link = machine.run(["readlink", f"/root/.edgekit/apps/{APP}"]).stdout.decode().strip()
    assert link.endswith(first.deployment.release)
    remove_service(runner_session(machine), APP)


def test_what_the_unit_takes_away(machine: SystemdMachine, port: int, tmp_path: Path) -> None:
    """The sandbox holds: nothing but its own folder can be written, no privilege comes back."""
    put(machine, echo_artifact(tmp_path / "e", content="e"), ServiceRequest(port, 1))
    number = pid(machine)
    status = machine.get(f"/proc/{number}/status").decode()
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status
    assert "Seccomp:\t2" in status
    seen = f"/proc/{number}/root"
    assert machine.run(["touch", f"{seen}/etc/x"]).code != 0
    assert machine.run(["touch", f"{seen}/root/x"]).code != 0
    assert machine.run(["touch", f"{seen}/root/.edgekit/x"]).code == 0
    remove_service(runner_session(machine), APP)


def test_a_board_without_systemd_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    from edgekit.boards.transports import open_transport
    from edgekit.boards.virtual.local import LocalBoard

    if Path("/run/systemd/system").is_dir():
        pytest.skip("this machine runs systemd")
    folder = echo_artifact(tmp_path / "a")
    with (
        LocalBoard("generic-x86-64", folder=tmp_path / "board") as board,
        open_transport(board.entry) as transport,
    ):
        ensure_runner(transport)
        request = DeployRequest(folder, board.entry, service=ServiceRequest(8390, 1))
        with pytest.raises(BoardMismatch, match="does not run systemd.*nothing was sent"):
            deploy(request, transport)
