"""Deploy and run on the emulated arm64 board: real aarch64 wheels, own kernel, repeatable time."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import need_or_skip
from edgekit.boards.virtual.arm64 import why_unavailable
from edgekit.cli.chain import RunSettings, deploy_and_run
from edgekit.cli.output import Output
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.core.estimate import Estimate
from edgekit.core.mode import Mode

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.arm64,
    pytest.mark.timeout(900),
]


def test_an_int8_model_runs_there_and_its_latency_repeats(
    tmp_path: Path, keras_models: Path, samples: dict[str, Path]
) -> None:
    need_or_skip(not why_unavailable(), why_unavailable())
    request = ConvertRequest(
        keras_models / "net.keras", "raspberrypi", calibration=samples["nhwc"]
    )
    convert(request, tmp_path / "artifact")
    settings = RunSettings(runs=30, warmup_runs=3, min_duration_s=0.0)
    medians = []
    for _ in range(2):
        done = deploy_and_run(
            tmp_path / "artifact", "arm64", "", settings, inventory=None, output=Output(quiet=True)
        )
        measurement = done.measurement
        assert measurement.mode is Mode.EMULATED
        assert "aarch64" in measurement.machine
        assert "emulated" in {note.id for note in measurement.validity}
        p50 = measurement.summaries["infer"].percentiles_ms["p50"]
        assert isinstance(p50, Estimate)
        medians.append(p50.value)
    assert done.deployed.deployment
    assert not done.deployed.deployment.changed, "the disk is kept, so nothing is sent again"
    # the clock counts instructions: the same whatever else this machine does
    assert medians[1] == pytest.approx(medians[0], rel=0.05)
