"""Calibrations: what a board says becomes peaks and bandwidths, or a clear failure."""

from __future__ import annotations

import pytest

from edgekit.core.artifact import ModelArtifact
from edgekit.core.board import BoardEntry
from edgekit.core.deploy import Deployment
from edgekit.core.errors import RunnerFailed
from edgekit.core.lag import Calibration
from edgekit.core.record import Unavailable, dump, parse
from edgekit.measure.board_run import RunTarget
from edgekit.measure.calibrating import calibration_path, make_calibration
from samples import artifact_card, board_facts

EVENT: dict[str, object] = {
    "event": "calibration",
    "engine": "onnxruntime",
    "version": "1.32.0",
    "fastest_ns": {"float32": 1e6, "int8": 5e5},
    "bandwidth": {"262144": 2e10, "67108864": 5e9},
}


def target(name: str = "kitchen", site: tuple[str, ...] = ()) -> RunTarget:
    card: ModelArtifact = artifact_card()
    entry = BoardEntry(name, "raspberrypi-4b", host="10.0.0.5")
    deployment = Deployment(
        board=name,
        app="cats",
        release="0" * 16,
        previous="",
        changed=True,
        sent_bytes=0,
        signed_by="",
        golden_max_deviation=None,
        phases_ms={},
        release_path="/home/pi/cats",
        engine="onnxruntime",
        engine_version="1.32.0",
    )
    return RunTarget(entry, board_facts(), deployment, card, site)


def made(event: dict[str, object]) -> Calibration:
    return make_calibration(event, target(), 2, macs=67_000_000, elapsed_s=3.0)


def test_peaks_and_bandwidths() -> None:
    found = made(EVENT)
    assert found.macs_per_s == {"float32": 6.7e10, "int8": 1.34e11}
    assert found.bandwidth_bytes_per_s == 5e9
    assert found.bandwidth_at(100_000) == 2e10
    assert found.bandwidth_at(1_000_000) == 5e9
    assert found.bandwidth_at(1e12) == 5e9
    assert parse(Calibration, dump(found)) == found


def test_what_the_board_could_not_copy_is_unavailable() -> None:
    found = made(EVENT | {"bandwidth": {}})
    assert isinstance(found.bandwidth_bytes_per_s, Unavailable)
    assert found.bandwidth_at(1.0) == 0.0


@pytest.mark.parametrize(
    "broken",
    [
        {"fastest_ns": {"float32": "fast"}},
        {"fastest_ns": {"float32": 0}},
        {"bandwidth": []},
        {"bandwidth": {"x": 1}},
    ],
)
def test_an_event_that_is_not_understood(broken: dict[str, object]) -> None:
    with pytest.raises(RunnerFailed, match="is not understood"):
        made(EVENT | broken)


def test_each_board_engine_and_number_of_threads_has_its_own() -> None:
    paths = {
        calibration_path(target(), 2),
        calibration_path(target(), 4),
        calibration_path(target("other"), 2),
        calibration_path(target(site=("sites/abc",)), 2),
    }
    assert len(paths) == 4
