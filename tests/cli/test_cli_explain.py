"""``edgekit explain``: records of one question, targets, and which remedy comes next."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click
import pytest

from edgekit.cli.lag_records import gather
from edgekit.cli.main import run
from edgekit.cli.remedying import next_candidate, verified, with_verified
from edgekit.cli.target_condition import TargetType
from edgekit.core.errors import NotComparable, RecordError
from edgekit.core.estimate import Estimate
from edgekit.core.lag import AppliedStep, Finding, LagReport, Remedy, Severity
from edgekit.core.measurement import Measurement
from edgekit.core.record import Unavailable, load, save
from edgekit.measure.compare import compare
from samples import board_facts, echo_artifact, measurement, trip


def test_a_comparison_brings_its_trips(tmp_path: Path) -> None:
    measured, one = measurement(), trip(40.0)
    path = save(measured, tmp_path / "run.json")
    save(one, tmp_path / f"{one.id}.json")
    compared = save(compare(measured, (one,)), tmp_path / "comparison.json")
    facts = save(board_facts(), tmp_path / "facts.json")
    found, known = gather(path, [compared, facts], None)
    assert found == measured
    assert known.trips == (one,)
    assert known.facts == board_facts()
    assert known.profile
    other = save(dataclasses.replace(measured, id="run-2"), tmp_path / "other.json")
    with pytest.raises(NotComparable, match="compares run-00000001, not run-2"):
        gather(other, [compared], None)
    (tmp_path / f"{one.id}.json").unlink()
    with pytest.raises(RecordError, match="not beside it"):
        gather(path, [compared], None)
    with pytest.raises(RecordError, match="explains nothing"):
        gather(path, [path], None)


def test_the_folder_that_a_run_names_is_found_again(tmp_path: Path) -> None:
    folder = echo_artifact(tmp_path / "art")
    base = measurement()
    measured = dataclasses.replace(base, model=dict(base.model) | {"folder": str(folder)})
    path = save(measured, tmp_path / "run.json")
    assert gather(path, [], None)[1].folder == str(folder)
    gone = dataclasses.replace(base, model=dict(base.model) | {"folder": "gone"})
    assert gather(save(gone, tmp_path / "gone.json"), [], None)[1].artifact is None


def test_records_are_explained_without_a_board(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(measurement(), tmp_path / "run.json")
    other = save(trip(40.0), tmp_path / "trip.json")
    arguments = ["explain", str(path), str(other), "--records", str(tmp_path), "--json"]
    assert run(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["ledgers"]) == 2
    assert load(LagReport, tmp_path / "lag-run-00000001.json").measurement_id == "run-00000001"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["FOLDER"], 3, "on which board does it run?"),
        (["RUN", "--apply"], 2, "remedies are carried out on a board"),
        (["RUN", "--target", "p95<20ms"], 2, "remedies are carried out on a board"),
        (["FOLDER", "--board", "local", "--target", "fast"], 2, "is no target"),
    ],
)
def test_what_does_not_fit_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    folder = echo_artifact(tmp_path / "a")
    path = save(measurement(), tmp_path / "run.json")
    names = {"FOLDER": str(folder), "RUN": str(path)}
    assert run(["explain", *(names.get(word, word) for word in arguments)]) == code
    assert said in capsys.readouterr().err


def test_targets() -> None:
    condition = TargetType().convert("p95 < 1.5ms", None, None)
    assert (condition.figure, condition.limit_ms) == ("p95", 1.5)
    assert condition.holds(measurement())
    assert not TargetType().convert("p95<1ms", None, None).holds(measurement())
    assert "wanted is less than 1.50 ms" in condition.describe(measurement())
    few = measurement({name: v[:5] for name, v in measurement().samples_ns.items()})
    assert not condition.holds(few)
    for text in ("p95>20ms", "p42<1ms", "p95<20", "fast"):
        with pytest.raises(click.BadParameter):
            TargetType().convert(text, None, None)


def report(*remedies: Remedy, is_inconsistent: bool = False) -> LagReport:
    finding = Finding(
        "a-rule", "software", "t", Severity.SEVERE, 0.5, "e", "s", remedies,
        is_inconsistent=is_inconsistent,
    )  # fmt: skip
    return LagReport("run-1", (), (finding,))


def test_the_next_remedy_promises_most_and_changes_settings_only() -> None:
    small = Remedy("one thread", "edgekit …", 1.0, change={"threads": "1"})
    large = Remedy("zero", "edgekit …", 5.0, change={"engine_option.denormals": "zero"})
    by_hand = Remedy("cool it", "", 9.0)
    convert = Remedy("int8", "edgekit …", 9.0, change={"recipe": "int8-static"})
    unknown = Remedy("try", "edgekit …", Unavailable("?"), change={"variant": "bound"})
    same = Remedy("two threads", "edgekit …", 9.0, change={"threads": "2"})
    options = measurement().options
    found = report(small, large, by_hand, convert, unknown, same)
    first = next_candidate(found, options, [])
    assert first
    assert first.remedy is large
    second = next_candidate(found, options, [large.change])
    assert second
    assert second.remedy is small
    assert next_candidate(found, options, [large.change, small.change]) is None
    assert next_candidate(report(large, is_inconsistent=True), options, []) is None


def slower(by_ms: float) -> Measurement:
    base = measurement()
    totals = tuple(v + int(by_ms * 1e6) for v in base.samples_ns["total"])
    return dataclasses.replace(base, samples_ns=dict(base.samples_ns) | {"total": totals})


def test_a_gain_is_verified_over_rounds() -> None:
    found = verified([slower(1.0)] * 3, [slower(0.0)] * 3)
    assert not isinstance(found, Unavailable)
    assert found[2].value == pytest.approx(1.0)
    assert found[2].low > 0.9
    scattered = verified([slower(x) for x in (0.0, 2.0, 0.1)], [slower(0.5)] * 3)
    assert not isinstance(scattered, Unavailable)
    assert scattered[2].low < 0


def test_the_verified_gain_stands_beside_its_remedy() -> None:
    remedy = Remedy("one thread", "edgekit …", 1.0, change={"threads": "1"})
    gain = Estimate(0.9, 0.8, 1.0)
    step = AppliedStep(
        "a-rule",
        "one thread",
        "edgekit …",
        {"threads": "1"},
        1.0,
        gain,
        gain,
        gain,
        True,
        "kept",
        1,
    )
    marked = with_verified(report(remedy), [step])
    assert marked.findings[0].remedies[0].verified_gain_ms == gain
