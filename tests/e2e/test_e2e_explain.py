"""``edgekit explain`` on a board: calibration, experiments, and a remedy that is really carried out."""

from __future__ import annotations

from math import fsum
from pathlib import Path

import numpy
import pytest

from edgekit.cli.main import run
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.core.estimate import Estimate
from edgekit.core.lag import Basis, LagReport, Roofline
from edgekit.core.record import load
from fault_bench.networks import make_network

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explain") / "artifact"
    model = make_network("convolutions", folder.with_name("net.onnx"), 64)
    samples = numpy.random.default_rng(0).standard_normal((40, 3, 64, 64)).astype("float32")
    numpy.savez(folder.with_name("samples.npz"), x=samples)
    request = ConvertRequest(
        model,
        "generic-x86-64",
        engine="onnxruntime",
        recipe="float",
        calibration=folder.with_name("samples.npz"),
        proof=False,
    )
    convert(request, folder)
    return folder


def test_a_remedy_is_carried_out_and_verified(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["explain", str(artifact), "--board", "local", "--threads", "1"]
    arguments += ["--engine-option", "optimization=off", "--records", str(tmp_path)]
    arguments += ["--budget", "120s", "--apply"]
    assert run([*arguments, "--target", "p50<1us"]) == 7
    said = capsys.readouterr()
    assert "the target was missed: p50 is" in said.err
    assert "REMEDIES APPLIED" in said.out
    path = max(tmp_path.glob("lag-*.json"), key=lambda p: p.stat().st_mtime)
    report = load(LagReport, path)
    first = report.steps[0]
    assert first.rule == "software-graph"
    assert isinstance(first.gain_ms, Estimate)
    assert first.is_kept
    assert first.gain_ms.low > 0
    assert report.settings["engine_option.optimization"] == "all"
    again = next(step for step in report.steps if "recipe" in step.change)
    assert again.change == {"recipe": "int8-static"}
    assert not again.outcome.startswith("failed")
    assert artifact.with_name("artifact-int8-static").is_dir()
    assert (report.settings.get("recipe") == "int8-static") == again.is_kept
    assert report.target == "p50<1us"
    for ledger in report.ledgers:
        assert fsum(s.time_ms for s in ledger.shares) == pytest.approx(ledger.total_ms)


def test_the_board_is_calibrated_once(artifact: Path, tmp_path: Path) -> None:
    arguments = ["explain", str(artifact), "--board", "local", "--threads", "1"]
    arguments += ["--budget", "1s", "--no-experiments", "--records", str(tmp_path)]
    assert run([*arguments, "--recalibrate"]) == 0
    (path,) = tmp_path.glob("lag-*.json")
    roofline = load(LagReport, path).roofline
    assert isinstance(roofline, Roofline)
    assert roofline.basis is Basis.MEASURED
    assert 1e9 < roofline.peak_macs_per_s < 1e13
    assert 1e8 < roofline.bandwidth_bytes_per_s < 1e13
    assert roofline.points[0].name == "whole model"
