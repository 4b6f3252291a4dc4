"""Many conversions at once: a row each, a failure stops no other, one exit code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest

from edgekit.cli.main import run as cli
from edgekit.convert.batch import ConversionRow, Conversions, Job, convert_all, plan_jobs
from edgekit.convert.on_ray import convert_on_ray
from edgekit.convert.request import ConvertRequest
from edgekit.core.artifact import Accuracy, ModelArtifact
from edgekit.core.errors import ConfigError
from edgekit.core.record import load, parse
from edgekit.toolenvs.worker import Limits, _usual_limits, limited, machine_shared_by


def row(code: int) -> ConversionRow:
    return ConversionRow("m.onnx", "raspberrypi", code, 1.0)


@pytest.mark.parametrize(
    ("codes", "expected"), [((0, 0), 0), ((0, 4), 4), ((7, 7), 7), ((3, 7, 0), 4), ((), 0)]
)
def test_one_exit_code_for_all(codes: tuple[int, ...], expected: int) -> None:
    assert Conversions(tuple(row(code) for code in codes)).exit_code == expected


def test_every_conversion_has_a_folder_of_its_own(tmp_path: Path) -> None:
    requests = [
        ConvertRequest(tmp_path / folder / "net.onnx", profile)
        for folder in ("a", "b")
        for profile in ("raspberrypi", "jetson-nano")
    ]
    folders = [job.out.relative_to(tmp_path).as_posix() for job in plan_jobs(requests, tmp_path)]
    assert folders == [
        "net/raspberrypi",
        "net/jetson-nano",
        "net-2/raspberrypi",
        "net-2/jetson-nano",
    ]


def test_a_failure_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "pickle.pt").write_bytes(b"\x80\x04hello")
    (tmp_path / "m.onnx").write_bytes(b"\x08\x0a\x12\x07pytorch" + bytes(20))
    requests = [
        ConvertRequest(tmp_path / "absent.onnx", "raspberrypi"),
        ConvertRequest(tmp_path / "pickle.pt", "raspberrypi"),
        ConvertRequest(tmp_path / "m.onnx", "rasberrypi"),
    ]
    lines: list[str] = []
    found = convert_all(plan_jobs(requests, tmp_path / "out"), at_once=2, progress=lines.append)
    assert [r.exit_code for r in found.rows] == [4, 4, 3]
    assert "no such model" in found.rows[0].error
    assert "did you mean raspberrypi" in found.rows[2].hint
    assert any(line.startswith("[absent for raspberrypi] ") for line in lines)
    assert not (tmp_path / "out").exists()


def test_conversions_side_by_side_share_the_memory() -> None:
    whole = _usual_limits().memory_bytes
    with machine_shared_by(4):
        assert _usual_limits().memory_bytes == whole // 4
        with limited(Limits(time_s=3.0)):
            assert _usual_limits().time_s == 3.0
    assert _usual_limits().memory_bytes == whole


def test_several_models_where_one_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli(["go", "a.onnx", "b.onnx", "--profile", "raspberrypi"]) == 2
    assert "2 models were given" in capsys.readouterr().err
    arguments = ["convert", "a.onnx", "b.onnx", "--profile", "raspberrypi,jetson-nano", "--json"]
    assert cli([*arguments, "--out", str(tmp_path)]) == 4
    document = json.loads(capsys.readouterr().out)
    assert len(parse(Conversions, document).rows) == 4


@pytest.mark.slow
def test_models_and_profiles_at_once(
    tmp_path: Path, onnx_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes((onnx_models / "net.onnx").read_bytes()[:900])
    arguments = ["convert", str(onnx_models / "net.onnx"), str(broken), "--jobs", "2"]
    arguments += ["--profile", "raspberrypi,intel-n100", "--recipe", "float"]
    arguments += ["--engine", "onnxruntime", "--out", str(tmp_path / "out"), "--json"]
    arguments += ["--no-proof"]
    assert cli(arguments) == 4
    found = parse(Conversions, json.loads(capsys.readouterr().out))
    assert [r.exit_code for r in found.rows] == [0, 0, 4, 4]
    for r in found.rows[:2]:
        assert load(ModelArtifact, Path(r.artifact) / "card.json").profile == r.profile
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["net"]


@pytest.mark.slow
def test_what_is_asked_for_twice_is_done_once(tmp_path: Path, onnx_models: Path) -> None:
    request = ConvertRequest(
        onnx_models / "net.onnx",
        "raspberrypi",
        recipe="float",
        engine="onnxruntime",
        name=tmp_path.parent.name,
        proof=False,
    )
    lines: list[str] = []
    jobs = [Job(request, tmp_path / "a"), Job(request, tmp_path / "b")]
    found = convert_all(jobs, at_once=2, progress=lines.append)
    assert found.exit_code == 0
    assert sum("taken from the cache" in line for line in lines) == 1
    assert (tmp_path / "a/model.onnx").read_bytes() == (tmp_path / "b/model.onnx").read_bytes()


@pytest.mark.slow
def test_the_same_on_ray(tmp_path: Path, onnx_models: Path, samples: dict[str, Path]) -> None:
    metric = tmp_path / "metric.py"
    metric.write_text("def always(outputs, labels):\n    return 0.75\n")
    labelled = numpy.load(samples["labelled"])
    data = tmp_path / "labelled.npz"
    numpy.savez(data, x=labelled["x"].transpose(0, 3, 1, 2), y=labelled["y"])
    whole = ConvertRequest(
        onnx_models / "external/net.onnx",
        "raspberrypi",
        recipe="float",
        engine="onnxruntime",
        data=data,
        metric=f"{metric}:always",
        proof=False,
    )
    failing = ConvertRequest(onnx_models / "free.onnx", "raspberrypi", recipe="float")
    jobs = plan_jobs([whole, failing], tmp_path / "out")
    found = convert_on_ray(jobs, "local")
    assert [r.exit_code for r in found.rows] == [0, 4], found.rows
    artifact = Path(found.rows[0].artifact)
    card = load(ModelArtifact, artifact / "card.json")
    assert (artifact / card.model).stat().st_size == card.size_bytes
    assert isinstance(card.accuracy, Accuracy)
    assert card.accuracy.artifact == 0.75


@pytest.mark.slow
def test_a_ray_cluster_that_does_not_answer(tmp_path: Path) -> None:
    jobs = plan_jobs([ConvertRequest(tmp_path / "m.onnx", "raspberrypi")], tmp_path / "out")
    with pytest.raises(ConfigError, match="no Ray cluster answers"):
        convert_on_ray(jobs, "127.0.0.1:1")
