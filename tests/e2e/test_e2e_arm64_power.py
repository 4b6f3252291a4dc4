"""The emulated board loses its power in the middle of a deployment: kill -9 of the whole machine."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from conftest import need_or_skip
from deploy_faults import APP, version
from edgekit.boards.artifact_folder import load_card
from edgekit.boards.deploy import DeployRequest, deploy
from edgekit.boards.deploy_plan import Active
from edgekit.boards.session import runner_session
from edgekit.boards.surveying import survey_board
from edgekit.boards.transports import open_transport
from edgekit.boards.transports.contract import Completed, OnLine, Transport
from edgekit.boards.virtual.arm64 import Arm64Board, why_unavailable
from edgekit.core.deploy import Deployment
from edgekit.core.errors import BoardError
from edgekit.core.record import save

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.arm64,
    pytest.mark.timeout(900),
]

CUTS = (("switch", 0.2),)
"""The command during which the power goes, and how long after its begin. Each costs a boot and a
minute; make bench-deploy-crash makes every state that a cut can leave."""
SIZE_BYTES = 1_000_000


class Failing:
    """A transport under which the power goes while a command of the runner is at work."""

    def __init__(self, inner: Transport, board: Arm64Board, command: str, after_s: float) -> None:
        self.inner = inner
        self.home = inner.home
        self.command = command
        self.timer = threading.Timer(after_s, board.close)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_s: float = 60,
        on_line: OnLine | None = None,
    ) -> Completed:
        if argv[-1] == self.command:
            self.timer.start()
        return self.inner.run(argv, stdin=stdin, timeout_s=timeout_s, on_line=on_line)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


def release(folder: Path, number: int) -> Path:
    version(folder, number, SIZE_BYTES)
    card = load_card(folder)
    save(dataclasses.replace(card, profile="raspberrypi"), folder / "card.json")
    return folder


def put(folder: Path, board: Arm64Board) -> Deployment:
    with open_transport(board.entry) as transport:
        done = deploy(DeployRequest(folder, board.entry), transport).deployment
    assert done
    return done


def active(board: Arm64Board) -> Active:
    with open_transport(board.entry) as transport:
        return survey_board(runner_session(transport), APP).active


def put_until_the_power_goes(
    folder: Path, board: Arm64Board, command: str, after_s: float
) -> None:
    with open_transport(board.entry) as transport:
        failing = Failing(transport, board, command, after_s)
        with contextlib.suppress(BoardError):  # a quick machine is done before the cut
            deploy(DeployRequest(folder, board.entry), failing)  # type: ignore[arg-type]
        failing.timer.join()


def test_a_power_cut_in_mid_deployment_leaves_a_whole_release(tmp_path: Path) -> None:
    need_or_skip(not why_unavailable(), why_unavailable())
    wanted = [release(tmp_path / f"v{number}", 500 + number) for number in range(len(CUTS) + 1)]
    with Arm64Board() as board:
        old = put(wanted[0], board).release
        put_until_the_power_goes(wanted[1], board, *CUTS[0])
    for number in range(1, len(wanted)):
        with Arm64Board() as board:
            left = active(board)
            assert left.is_intact
            before, old = old, put(wanted[number], board).release
            assert left.release in (before, old)
            now = active(board)
            assert (now.release, now.is_intact, now.is_confirmed) == (old, True, True)
            if number < len(CUTS):
                put_until_the_power_goes(wanted[number + 1], board, *CUTS[number])
