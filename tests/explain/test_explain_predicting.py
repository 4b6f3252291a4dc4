"""Predictions: floors of board types, factors of known models, intervals; never a measurement."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from edgekit.cli.main import run
from edgekit.cli.predicting import own_known, predict_artifact, published_known
from edgekit.core.artifact import ModelArtifact
from edgekit.core.errors import ConfigError
from edgekit.core.measurement import ValidityNote
from edgekit.core.mode import Mode
from edgekit.core.record import Unavailable, load, save
from edgekit.explain.predicting import Known, Wanted, held_out_error, predict, profile_roof
from edgekit.profiles.device import load_profile
from edgekit.profiles.latencies import published_latencies
from samples import STRUCTURE, echo_artifact, measurement

PI5 = load_profile("raspberrypi-5")


def known(*factors: float, profile: str = "raspberrypi-5") -> list[Known]:
    return [Known(f"m{i}", profile, "int8", 1.0, f) for i, f in enumerate(factors)]


def wanted(precision: str = "int8") -> Wanted:
    return Wanted("cats", "int8-static", precision, STRUCTURE, 4)


def test_the_roof_of_a_board_type() -> None:
    roof = profile_roof(PI5, "int8", 0)
    assert not isinstance(roof, Unavailable)
    assert roof.peak_macs_per_s == 4 * 2400e6 * 32
    one = profile_roof(PI5, "float32", 1)
    assert not isinstance(one, Unavailable)
    assert one.peak_macs_per_s == 2400e6 * 8
    pi4 = profile_roof(load_profile("raspberrypi-4b"), "int8", 0)
    assert not isinstance(pi4, Unavailable)
    assert "no dot product" in pi4.source
    assert isinstance(profile_roof(load_profile("generic-x86-64"), "int8", 0), Unavailable)


def test_a_prediction_is_the_floor_times_what_others_take_above_theirs() -> None:
    roof = profile_roof(PI5, "int8", 0)
    assert not isinstance(roof, Unavailable)
    found = predict(wanted(), PI5, roof, known(2.0, 2.0, 2.0, 2.0))
    assert found.latency_ms.value == pytest.approx(2 * found.floor_ms)
    assert found.latency_ms.high == pytest.approx(found.latency_ms.low)
    assert found.held_out_error == pytest.approx(0.0)
    assert found.mode is Mode.PREDICTED
    wide = predict(wanted(), PI5, roof, known(1.0, 2.0, 4.0, 8.0))
    assert wide.latency_ms.low < wide.floor_ms < wide.latency_ms.value < wide.latency_ms.high


def test_models_of_the_same_board_go_before_others() -> None:
    roof = profile_roof(PI5, "int8", 0)
    assert not isinstance(roof, Unavailable)
    others = known(9.0, 9.0, 9.0, profile="raspberrypi-4b")
    found = predict(wanted(), PI5, roof, [*known(2.0, 2.0, 2.0), *others])
    assert found.latency_ms.value == pytest.approx(2 * found.floor_ms)
    few = predict(wanted(), PI5, roof, [*known(2.0, 2.0), *others])
    assert few.latency_ms.value > 2 * few.floor_ms
    with pytest.raises(ConfigError, match="2 models in int8 are known, 3 are needed"):
        predict(wanted(), PI5, roof, known(2.0, 2.0))


def test_too_few_cannot_be_held_out() -> None:
    assert isinstance(held_out_error(known(1.0, 2.0, 3.0)), Unavailable)


def test_published_latencies_have_sources_and_lie_above_their_floor() -> None:
    assert {row.precision for row in published_latencies()} == {"float32", "int8"}
    assert all("http" in row.source for row in published_latencies())
    assert all(1.0 < one.factor < 10.0 for one in published_known())


def artifact(folder: Path) -> tuple[Path, ModelArtifact]:
    path = echo_artifact(folder / "art")
    return path, load(ModelArtifact, path / "card.json")


def test_own_measurements_are_learnt_from_where_they_are_real(tmp_path: Path) -> None:
    folder, card = artifact(tmp_path)
    main = next(entry for entry in card.files if entry.path == card.model)
    base = measurement(recipe="float")
    model = dict(base.model) | {"folder": str(folder), "sha256": main.sha256}
    real = dataclasses.replace(base, model=model, profile="raspberrypi-5")
    for i in range(3):
        save(dataclasses.replace(real, id=f"run-{i}"), tmp_path / f"run-{i}.json")
    stand_in = ValidityNote("stand-in", "info", "x")  # type: ignore[arg-type]  # level as stored
    fake = dataclasses.replace(real, id="run-8", validity=(stand_in,))
    save(fake, tmp_path / "run-8.json")
    (tmp_path / "run-9.json").write_text("{}")
    assert len(list(own_known(tmp_path))) == 3
    found = predict_artifact(card, "raspberrypi-5", 2, tmp_path)
    assert found.is_own
    assert found.latency_ms.value == pytest.approx(1.003, abs=0.01)
    assert not predict_artifact(card, "raspberrypi-5", 2, tmp_path / "none").is_own


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = artifact(tmp_path)
    arguments = ["predict", str(folder), "--profile", "raspberrypi-5", "--records", str(tmp_path)]
    assert run(arguments) == 0
    assert "[predicted, 90% interval]" in capsys.readouterr().out
    assert run([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mode"] == "predicted"
    arguments[3] = "generic-x86-64"
    assert run(arguments) == 3
    assert "gives no peak" in capsys.readouterr().err
