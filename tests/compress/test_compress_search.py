"""Search with real training, real measurements on this machine, and a board that goes away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgekit.cli.main import run as cli
from edgekit.compress.request import Training
from edgekit.compress.searching import Measured, SearchRequest, search
from edgekit.compress.targets import parse_target
from edgekit.core.compression import Timing
from edgekit.core.errors import Unreachable
from edgekit.core.mode import Mode
from edgekit.core.record import Unavailable, load
from edgekit.core.search import SearchRecord, Trial, TrialState, marked

pytest_plugins = ("small_models",)
SPACE = """
from torch import nn
def build(trial):
    width = trial.suggest_int("width", 8, 32, step=8)
    if trial.number == 1:
        raise ValueError("no such network")
    trial.suggest_categorical("threads", [1])
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))
"""


def arguments(folder: Path, trained: Path, *more: str) -> list[str]:
    (folder / "space.py").write_text(SPACE)
    found = ["compress", "search", str(folder / "space.py"), "--shape", "x=1x64", "--trust"]
    found += ["--data", str(trained / "perceptron.npz"), "--out", str(folder / "search")]
    return [*found, "--epochs", "3", "--lr", "0.01", "--threads", "1", *more]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_search_tells_failures_and_goes_on_where_it_ended(
    tmp_path: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli(arguments(tmp_path, trained, "--target", "p50<50ms", "--trials", "2")) == 0
    before = load(SearchRecord, tmp_path / "search" / "search.json")
    assert [t.state for t in before.trials] == [TrialState.MEASURED, TrialState.FAILED]
    assert "no such network" in before.trials[1].reason
    assert before.best == 0
    capsys.readouterr()
    more = ("--target", "p50<50ms", "--trials", "3", "--json")
    assert cli(arguments(tmp_path, trained, *more)) == 0
    after = json.loads(capsys.readouterr().out)
    assert len(after["trials"]) == 3
    assert [t["number"] for t in after["trials"]] == [0, 1, 2]
    assert after["trials"][0]["accuracy"] > 0.5
    # another target is another search
    assert cli(arguments(tmp_path, trained, "--target", "p50<1ms", "--trials", "3")) == 3


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_board_that_drops_out_ends_the_search_with_what_there_is(
    tmp_path: Path, trained: Path
) -> None:
    (tmp_path / "space.py").write_text(SPACE)
    request = SearchRequest(
        tmp_path / "space.py",
        trained / "perceptron.npz",
        {"x": (1, 64)},
        parse_target("p50<1ms"),
        trials=5,
        trust=True,
        training=Training(1, 0.01, threads=1),
    )
    calls = []

    def board(model: Path, parameters: dict[str, object]) -> Measured:
        calls.append(model)
        if len(calls) == 2:
            raise Unreachable("kitchen-pi does not answer")
        return Measured(Timing(2.0, "kitchen-pi", Mode.MEASURED), 1000, Unavailable("as trained"))

    record = search(request, tmp_path / "out", board, "kitchen-pi", lambda text: None)
    assert "does not answer" in record.ended
    states = [t.state for t in record.trials]
    assert states == [TrialState.MEASURED, TrialState.FAILED, TrialState.FAILED]
    assert record.best is None
    assert record.trials[0].violation == pytest.approx(1.0)
    assert load(SearchRecord, tmp_path / "out" / "search.json") == record
    assert (tmp_path / "out" / record.trials[0].model).exists()


@pytest.mark.parametrize(
    ("text", "more", "code", "words"),
    [
        (SPACE, ["--target", "p95<=0.5x"], 2, "p95<=20ms"),
        (SPACE, ["--target", "p95<1ms", "--sampler", "tpee"], 2, "tpe"),
        ("x = 1", ["--target", "p95<1ms"], 3, "build(trial)"),
    ],
)
def test_what_cannot_be_searched_is_told_at_once(
    tmp_path: Path,
    text: str,
    more: list[str],
    code: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "data.npz").write_bytes(b"")
    (tmp_path / "space.py").write_text(text)
    given = ["compress", "search", str(tmp_path / "space.py"), "--shape", "x=1x64", "--trust"]
    assert cli([*given, "--data", str(tmp_path / "data.npz"), *more]) == code
    assert words in capsys.readouterr().err


def test_the_front_holds_what_nothing_beats() -> None:
    def trial(number: int, accuracy: float, p50_ms: float, violation: float = 0.0) -> Trial:
        timing = Timing(p50_ms, "here", Mode.MEASURED)
        return Trial(
            number,
            TrialState.MEASURED,
            {},
            accuracy=accuracy,
            size_bytes=100,
            timing=timing,
            violation=violation,
        )

    trials = (
        trial(0, 0.9, 2.0),
        trial(1, 0.8, 1.0),
        trial(2, 0.8, 1.5),
        trial(3, 0.99, 9.0, violation=3.5),
        Trial(4, TrialState.FAILED, {}, "broke"),
    )
    assert [t.number for t in marked(trials) if t.is_pareto] == [0, 1]
