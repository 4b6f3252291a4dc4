"""The ladder of remedies on the local board, over real SSH and real engines."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from edgekit.cli.main import run as cli
from edgekit.core.artifact import ModelArtifact
from edgekit.core.record import load
from edgekit.core.search import SearchRecord, TrialState

pytest_plugins = ("small_models",)


@pytest.fixture
def parts(tmp_path: Path, trained: Path) -> tuple[Path, Path]:
    found = numpy.load(trained / "perceptron.npz")
    train, test = tmp_path / "train.npz", tmp_path / "test.npz"
    numpy.savez(train, x=found["x"][:1500], y=found["y"][:1500])
    numpy.savez(test, x=found["x"][1500:], y=found["y"][1500:])
    return train, test


def optimize(out: Path, model: Path, parts: tuple[Path, Path], *more: str) -> int:
    found = ["optimize", str(model), "--board", "local", "--profile", "raspberrypi"]
    found += ["--data", str(parts[0]), "--validation", str(parts[1]), "--out", str(out)]
    return cli([*found, "--threads", "1", "--epochs", "2", "--lr", "0.003", *more])


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_the_ladder_ends_at_the_first_rung_that_is_fast_enough(
    tmp_path: Path, trained: Path, parts: tuple[Path, Path]
) -> None:
    out = tmp_path / "optimized"
    assert optimize(out, trained / "perceptron.onnx", parts, "--target", "p50<200ms") == 0
    record = load(SearchRecord, out / "optimization.json")
    assert [t.parameters["rung"] for t in record.trials] == ["engines"]
    card = load(ModelArtifact, out / "artifact" / "card.json")
    assert card.recipe == "float"


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_what_no_rung_reaches_keeps_the_nearest_and_says_so(
    tmp_path: Path, trained: Path, parts: tuple[Path, Path]
) -> None:
    out = tmp_path / "optimized"
    more = ["--target", "p50<0.1us", "--rung", "distill", "--max-drop", "20"]
    assert optimize(out, trained / "perceptron.onnx", parts, *more) == 7
    record = load(SearchRecord, out / "optimization.json")
    measured = [t for t in record.trials if t.state is TrialState.MEASURED]
    assert {t.parameters["recipe"] for t in measured} >= {"float", "int8-static"}
    assert all(t.missed for t in measured)
    assert any(t.is_pareto for t in measured)
    assert (out / "artifact" / "card.json").exists()
    assert (out / "model.pt2").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--target", "macs<=0.5x"], "p95<20ms"),
        (["--target", "p95<1ms", "--rung", "prnue"], "prune"),
    ],
)
def test_what_a_board_cannot_tell_is_refused(
    tmp_path: Path, more: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none.npz"
    assert optimize(tmp_path / "o", tmp_path / "m.onnx", (missing, missing), *more) == 2
    assert words in capsys.readouterr().err


def test_what_trains_does_not_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["optimize", "m.onnx", "--board", "local", "--profile", "raspberrypi"]
    assert cli([*given, "--data", "d.npz", "--target", "p95<1ms"]) == 2
    assert "--validation" in capsys.readouterr().err
