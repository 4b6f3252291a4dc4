"""The recorded cost of an inference on the emulated board still holds; both engines run there."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import need_or_skip
from edgekit.boards.virtual.arm64 import PROCESSOR, why_unavailable
from edgekit.cli.main import run
from edgekit.core.measurement import Measurement
from edgekit.core.mode import Mode
from edgekit.core.record import load
from emulated_costs import FILE, GUARD, GUARD_FLOAT, Costs, artifact_of, changes, costs_on

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.arm64,
    pytest.mark.timeout(900),
]


def test_an_inference_costs_what_is_recorded(tmp_path: Path) -> None:
    need_or_skip(not why_unavailable(), why_unavailable())
    artifact = artifact_of(GUARD, tmp_path, print)
    found = list(costs_on(PROCESSOR, [(GUARD, artifact)], print))
    problems = changes(load(Costs, FILE).costs, found)
    assert not problems, f"{problems}; if it is meant: make bench-arm64"


def test_onnx_runtime_runs_there_and_is_stamped_emulated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need_or_skip(not why_unavailable(), why_unavailable())
    artifact = artifact_of(GUARD_FLOAT, tmp_path, print)
    record = tmp_path / "run.json"
    arguments = ["run", str(artifact), "--board", "arm64", "--runs", "20", "--warmup-runs", "2"]
    assert run([*arguments, "--out", str(record)]) == 0
    said = capsys.readouterr()
    assert "[emulated]" in said.out
    measured = load(Measurement, record)
    assert measured.mode is Mode.EMULATED
    assert measured.engine == "onnxruntime"
    assert "emulated" in {note.id for note in measured.validity}
    # 2 million multiply-accumulates are instructions too: no clock of this machine got in
    assert 0.1e6 < min(measured.samples_ns["infer"]) < 50e6
