"""``edgekit run``: its own kinds of option values, the live line, sets of runs."""

from __future__ import annotations

import io
import json
from pathlib import Path

import click
import pytest

from edgekit.cli.live import LiveLine, progress_text
from edgekit.cli.main import run
from edgekit.cli.quantities import CountList, Duration, Pair, Rate
from edgekit.cli.run_length import length_of, length_of_go
from edgekit.cli.variants import read_pipeline, with_changes
from edgekit.core.artifact import ModelArtifact
from edgekit.core.errors import ConfigError
from edgekit.core.measurement import Measurement
from edgekit.core.record import load
from edgekit.core.run_set import Across, RunSet
from samples import echo_artifact


@pytest.fixture(autouse=True)
def own_local_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The local board lives in the cache; tests side by side must not share its lease."""
    monkeypatch.setenv("EDGEKIT_CACHE_DIR", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30min", 1800), ("1h", 3600), ("2.5", 2.5), ("500ms", 0.5)]
)
def test_durations(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == pytest.approx(seconds)


@pytest.mark.parametrize(("text", "hertz"), [("5/s", 5), ("30/min", 0.5), ("12.5", 12.5)])
def test_rates(text: str, hertz: float) -> None:
    assert Rate().convert(text, None, None) == pytest.approx(hertz)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Duration(), "soon"),
        (Duration(), "-1s"),
        (Rate(), "0/s"),
        (Rate(), "fast"),
        (CountList(), "1,x"),
        (CountList(), "0"),
        (CountList(), ""),
        (Pair(), "spinning"),
    ],
)
def test_values_that_are_none_are_usage_errors(kind: click.ParamType, text: str) -> None:  # type: ignore[type-arg]  # generic in new clicks only
    with pytest.raises(click.BadParameter):
        kind.convert(text, None, None)


def test_lists_keep_their_order_without_repeats() -> None:
    assert CountList().convert("4,1,4", None, None) == (4, 1)
    assert Pair().convert("a=b=c", None, None) == ("a", "b=c")


def test_the_live_line_speaks_seldom_without_a_terminal() -> None:
    event = {
        "event": "progress",
        "phase": "infer",
        "count": 120,
        "elapsed_ns": 1_500_000_000,
        "p50_ns": 1_250_000,
        "temperature_c": 61.2,
    }
    assert progress_text(event) == "  infer: 120 runs, 1.5 s, p50 1.25 ms, 61.2 C"
    stream = io.StringIO()
    live = LiveLine(stream=stream)
    for _ in range(50):
        live.take(event)
    live.take({"event": "rows"})
    live.close()
    assert stream.getvalue().count("\n") == 1
    quiet = io.StringIO()
    LiveLine(quiet=True, stream=quiet).take(event)
    assert quiet.getvalue() == ""


def test_a_pipeline_travels_as_part_of_the_artifact(tmp_path: Path) -> None:
    folder = echo_artifact(tmp_path / "artifact")
    own = tmp_path / "mine.py"
    own.write_text("def preprocess(raw): return raw\ndef postprocess(outputs): pass\n")
    assert with_changes(folder, tmp_path / "x") == folder
    changed = with_changes(folder, tmp_path / "changed", pipeline=own)
    card = load(ModelArtifact, changed / "card.json")
    assert card.pipeline.kind == "python"
    assert (changed / "pipeline.py").read_text() == own.read_text()
    assert "pipeline.py" in {entry.path for entry in card.files}
    own.write_text("def preprocess(raw) return raw")
    with pytest.raises(ConfigError, match="is not Python"):
        with_changes(folder, tmp_path / "y", pipeline=own)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def preprocess(raw):\n    return raw\n", "no function postprocess"),
        ("def preprocess(raw) return raw", "is not Python"),
    ],
)
def test_a_pipeline_that_cannot_work_is_refused_on_the_host(
    tmp_path: Path, text: str, said: str
) -> None:
    own = tmp_path / "mine.py"
    own.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_pipeline(own)
    own.write_text("import numpy as preprocess\npostprocess = len\n")
    assert read_pipeline(own) == own.read_bytes()
    with pytest.raises(ConfigError, match="cannot be read"):
        read_pipeline(tmp_path / "none.py")


def test_another_engine_must_be_able_to_run_the_format(tmp_path: Path) -> None:
    folder = echo_artifact(tmp_path / "artifact")
    changed = with_changes(folder, tmp_path / "changed", engine="openvino")
    assert load(ModelArtifact, changed / "card.json").engine == "openvino"
    with pytest.raises(ConfigError, match="tflite"):
        with_changes(folder, tmp_path / "x", engine="litert")
    with pytest.raises(ConfigError) as caught:
        with_changes(folder, tmp_path / "y", engine="opnvino")
    assert "openvino" in caught.value.hint


PIPELINE = """
def preprocess(raw):
    return raw

def postprocess(outputs):
    return outputs
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PIPELINE + "import nothing_like_this\n", "nothing_like_this"),
        (
            PIPELINE.replace("return raw", "return raw['photo']"),
            "line 3 of pipeline.py (preprocess)",
        ),
        (PIPELINE.replace("return outputs", "return 1 / 0"), "ZeroDivisionError"),
    ],
)
def test_a_pipeline_that_fails_gives_the_boards_own_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    folder = echo_artifact(tmp_path / "artifact")
    own = tmp_path / "pipeline.py"
    own.write_text(text)
    arguments = ["run", str(folder), "--board", "local", "--pipeline", str(own), "--seconds", "0"]
    assert run([*arguments, "--records", str(tmp_path)]) == 6
    assert said in capsys.readouterr().err


def test_a_set_of_launches_prints_one_document_and_keeps_each_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = echo_artifact(tmp_path / "artifact")
    own = tmp_path / "pipeline.py"
    own.write_text(PIPELINE)
    records = tmp_path / "records"
    arguments = ["run", str(folder), "--board", "local", "--records", str(records)]
    arguments += ["--threads", "1,2", "--launches", "2", "--runs", "50", "--seconds", "0"]
    assert run([*arguments, "--pipeline", str(own), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["kind"] == "edgekit.run_set"
    assert [len(cell["launches"]) for cell in printed["cells"]] == [2, 2]
    (saved,) = records.glob("set-*.json")
    found = load(RunSet, saved)
    for cell in found.cells:
        for launch in cell.launches:
            measured = load(Measurement, records / f"{launch.measurement}.json")
            assert measured.options.threads == cell.options.threads
            assert len(measured.starts_ns) == 50


def test_an_engine_without_a_profiler_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = echo_artifact(tmp_path / "artifact")
    arguments = ["run", str(folder), "--board", "local", "--records", str(tmp_path / "r")]
    assert run([*arguments, "--profile-ops"]) == 6
    assert "no times per operation" in capsys.readouterr().err
    assert run([*arguments, "--profile-ops", "--threads", "1,2"]) == 2
    assert not (tmp_path / "r").exists()


def test_a_policy_ends_at_its_precision_and_the_stamp_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = echo_artifact(tmp_path / "artifact")
    arguments = ["run", str(folder), "--board", "local", "--records", str(tmp_path)]
    assert run([*arguments, "--policy", "quick"]) == 0
    said = capsys.readouterr()
    assert "stamp: doubtful" in said.out
    assert "doubtful: measured on" in said.err
    assert " -> measure on a real one" in said.err
    (record,) = tmp_path.glob("run-*.json")
    measured = load(Measurement, record)
    assert measured.options.policy == "quick"
    assert "the precision was reached" in measured.ended or "budget" in measured.ended


def test_the_strict_take_nothing_doubtful(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = echo_artifact(tmp_path / "artifact")
    arguments = ["run", str(folder), "--board", "local", "--records", str(tmp_path)]
    assert run([*arguments, "--runs", "50", "--strict"]) == 6
    said = capsys.readouterr()
    assert "the measurement is doubtful" in said.err
    assert list(tmp_path.glob("run-*.json")), "the record is kept all the same"
    assert run([*arguments, "--runs", "50", "--launches", "2", "--strict", "--json"]) == 6
    printed = json.loads(capsys.readouterr().out)
    assert printed["error"]["details"]["stamp"] == "doubtful"
    found = load(RunSet, Path(printed["error"]["details"]["record"]))
    assert isinstance(found.cells[0].across, Across)
    assert found.cells[0].across.p50_ms.value > 0


def test_an_unknown_policy_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = echo_artifact(tmp_path / "artifact")
    assert run(["run", str(folder), "--board", "local", "--policy", "quik"]) == 2
    assert "did you mean quick?" in capsys.readouterr().err


def given(**values: object) -> dict[str, object]:
    names = ("runs", "warmup_runs", "seconds", "max_seconds", "duration")
    return {"policy": "default", **dict.fromkeys(names), **values}


def test_numbers_take_the_place_of_the_policy() -> None:
    policy = length_of(given())
    assert (policy.policy, policy.width_p50, policy.max_duration_s) == ("default", 0.01, 30.0)
    counted = length_of(given(runs=7, warmup_runs=0))
    assert (counted.policy, counted.width_p50, counted.runs) == ("", 0.0, 7)
    assert (counted.min_duration_s, counted.warmup_runs) == (0.0, 0)
    budget = length_of(given(max_seconds=5.0))
    assert (budget.policy, budget.max_duration_s) == ("default", 5.0)
    sustained = length_of(given(duration=60.0))
    assert (sustained.width_p50, sustained.min_duration_s, sustained.runs) == (0.0, 60.0, 1)


def test_how_long_go_measures() -> None:
    plain = {"policy": None, "runs": None, "warmup_runs": None, "seconds": None}
    usual = length_of_go(plain)
    assert (usual.runs, usual.warmup_runs, usual.min_duration_s) == (300, 20, 5.0)
    assert not usual.policy
    counted = length_of_go(plain | {"runs": 7, "seconds": 0.0})
    assert (counted.runs, counted.min_duration_s) == (7, 0.0)
    strict = length_of_go(plain | {"policy": "strict"})
    assert (strict.policy, strict.width_p50, strict.max_duration_s) == ("strict", 0.005, 60.0)
    assert length_of_go(plain | {"policy": "strict", "runs": 7}).runs == 7
