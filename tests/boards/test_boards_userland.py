"""Userlands of emulated boards: what their fake /sys says, and real deployments to both kinds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.boards.artifact_folder import load_card
from edgekit.boards.deploy import DeployRequest, deploy
from edgekit.boards.session import runner_session
from edgekit.boards.surveying import survey_board
from edgekit.boards.transports import open_transport
from edgekit.boards.virtual.fake_sys import write_tree
from edgekit.boards.virtual.userland import KINDS, UserlandBoard, why_unavailable
from edgekit.core.errors import BoardError, ConfigError
from edgekit.core.measurement import RunOptions
from edgekit.core.mode import Mode
from edgekit.core.record import save
from edgekit.measure.board_run import RunTarget, run_on_board
from edgekit.profiles.device import list_profiles, load_profile
from edgekit.profiles.matching import check_board
from edgekit_runner.probe import processor
from edgekit_runner.sensors import Sensors
from samples import echo_artifact

ARM = [
    profile.id
    for profile in list_profiles()
    if profile.arch in ("aarch64", "armv7l") and not profile.alias_of
]


@pytest.mark.parametrize("name", ARM)
def test_the_tree_of_a_profile_is_that_board(name: str, tmp_path: Path) -> None:
    profile = load_profile(name)
    write_tree(tmp_path, profile)
    sensors = Sensors(str(tmp_path))
    assert sensors.temperature_c() == pytest.approx(48.686)
    assert sensors.clock_mhz() == max(cluster.clock_mhz for cluster in profile.cores)
    assert sensors.governor() == "ondemand"
    _, features = processor((tmp_path / "cpuinfo").read_text())
    assert set(features) >= set(profile.isa_features)
    assert (tmp_path / "cpuinfo").read_text().count("processor\t") == profile.core_count
    model = (tmp_path / "sys/firmware/devicetree/base/model").read_text()
    assert model == f"{profile.name} (emulated)\0"


def test_a_raspberry_pi_is_hot_when_its_file_says_so(tmp_path: Path) -> None:
    write_tree(tmp_path, load_profile("raspberrypi-5"))
    sensors = Sensors(str(tmp_path))
    assert sensors.throttled() == "0"
    (tmp_path / "sys/devices/platform/soc/soc:firmware/get_throttled").write_text("80008\n")
    (tmp_path / "sys/class/thermal/thermal_zone0/temp").write_text("85000\n")
    assert sensors.throttled() == "80008"
    assert sensors.temperature_c() == 85.0
    assert processor((tmp_path / "cpuinfo").read_text())[0] == "cortex-a76"


def test_a_board_type_with_another_processor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has aarch64") as caught:
        UserlandBoard("armv7-user", tmp_path, profile="raspberrypi-5")
    assert "--kind arm64-user" in caught.value.hint
    with pytest.raises(ConfigError, match="has x86_64"):
        UserlandBoard("arm64-user", tmp_path, profile="generic-x86-64")


def test_one_that_is_not_built_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_CACHE_DIR", str(tmp_path / "cache"))
    with (
        pytest.raises(BoardError, match="cannot start") as caught,
        UserlandBoard("armv7-user", tmp_path / "board"),
    ):
        pass
    assert "make_userland.sh armhf" in caught.value.hint


@pytest.fixture(params=sorted(KINDS))
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[UserlandBoard]:
    """Skipped where one cannot be had: a container may forbid namespaces and mounts."""
    reason = why_unavailable(KINDS[request.param])
    if reason:
        pytest.skip(reason)
    made = UserlandBoard(request.param, tmp_path / "board")
    try:
        made.__enter__()
    except BoardError as err:
        if "namespaces" in err.message or "ermission" in err.message:
            pytest.skip(err.message)
        raise
    yield made
    made.close()


@pytest.mark.e2e
@pytest.mark.arm64
@pytest.mark.timeout(600)
def test_it_is_deployed_to_and_measured_as_any_board(board: UserlandBoard, tmp_path: Path) -> None:
    artifact = echo_artifact(tmp_path / "artifact")
    card = dataclasses.replace(load_card(artifact), profile=board.profile.id)
    save(card, artifact / "card.json")
    with open_transport(board.entry) as transport:
        session = runner_session(transport)
        facts = survey_board(session, "echo-model").facts
        assert facts.arch == board.kind.arch
        assert facts.cpu_count >= 1
        assert not check_board(board.profile, facts, stand_in=False)
        done = deploy(DeployRequest(artifact, board.entry), transport)
        assert done.deployment
        assert done.deployment.changed
        (board.sys / "class/thermal/thermal_zone0/temp").write_text("85000\n")
        target = RunTarget(board.entry, done.facts, done.deployment, card, done.site)
        options = RunOptions("echo", 1, 20, 2, max_duration_s=20.0)
        measured = run_on_board(session, target, options)
        assert measured.mode is Mode.EMULATED
        assert measured.conditions[-1].temperature_c == 85.0
        assert board.kind.arch in measured.machine
