"""Candidates made, deployed over real SSH, measured, and one kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest

from edgekit.cli.main import run
from edgekit.core.artifact import ModelArtifact
from edgekit.core.estimate import Estimate
from edgekit.core.measurement import Measurement
from edgekit.core.record import Unavailable, load
from edgekit.core.selection import Selection

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]


def arguments(model: Path, calibration: Path, folder: Path) -> list[str]:
    settings = ["--profile", "raspberrypi", "--calibration", str(calibration)]
    settings += ["--engine", "onnxruntime", "--measure-on", "local"]
    return [
        "convert",
        str(model),
        *settings,
        "--out",
        str(folder / "artifact"),
        "--records",
        str(folder / "records"),
    ]


def test_the_fastest_candidate_is_kept_with_its_records(
    tmp_path: Path,
    onnx_models: Path,
    samples: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = arguments(onnx_models / "net.onnx", samples["nchw"], tmp_path)
    assert run([*command, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    (path,) = (tmp_path / "records").glob("selection-*.json")
    selection = load(Selection, path)
    assert printed == json.loads(path.read_text())
    card = load(ModelArtifact, tmp_path / "artifact" / "card.json")
    assert selection.winner == f"{card.engine} {card.recipe}"
    measured = [c for c in selection.candidates if isinstance(c.p50_ms, Estimate)]
    assert {"int8-static", "float"} <= {c.recipe for c in measured}
    for candidate in measured:
        medians = []
        for name in candidate.measurements:
            record = load(Measurement, tmp_path / "records" / f"{name}.json")
            assert record.model["recipe"] == candidate.recipe
            assert record.engine == candidate.engine
            values = sorted(record.samples_ns["total"])
            medians.append(values[len(values) // 2] / 1e6)
        assert list(candidate.rounds_ms) == medians
        assert len(medians) == 2
    winner = next(c for c in measured if c.name == selection.winner)
    assert not any(max(c.rounds_ms) < min(winner.rounds_ms) for c in measured if not c.missed)
    assert any(c.is_pareto for c in measured)
    assert any("any accuracy counts" in note for note in selection.notes)


def test_a_budget_that_none_keeps_writes_nothing(
    tmp_path: Path,
    onnx_models: Path,
    samples: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = arguments(onnx_models / "net.onnx", samples["nchw"], tmp_path)
    labelled = tmp_path / "labelled.npz"
    with numpy.load(samples["nchw"]) as archive:
        numpy.savez(labelled, x=archive["x"][:20], y=numpy.zeros(20, numpy.int64))
    wrong = ["--recipe", "int8-static", "--data", str(labelled), "--max-drop", "-101"]
    assert run([*command, *wrong]) == 7
    assert "no candidate keeps the budget; the nearest: " in capsys.readouterr().err
    assert not (tmp_path / "artifact").exists()
    (path,) = (tmp_path / "records").glob("selection-*.json")
    selection = load(Selection, path)
    assert selection.winner == ""
    assert all(c.missed for c in selection.candidates if not isinstance(c.p50_ms, Unavailable))


def test_a_board_that_is_not_there_costs_no_conversion(
    tmp_path: Path, onnx_models: Path, samples: dict[str, Path]
) -> None:
    command = arguments(onnx_models / "net.onnx", samples["nchw"], tmp_path)
    assert run([*command, "--measure-on", "no-such-board"]) == 3
    assert list(tmp_path.iterdir()) == []
