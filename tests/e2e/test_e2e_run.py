"""``edgekit run`` with a real engine: golden check, own pipeline, profile, streams, pictures of NaN."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgekit.cli.main import run
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.core.measurement import Measurement
from edgekit.core.operations import OperationProfile
from edgekit.core.record import load

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]
PIPELINE = """
import numpy

def preprocess(raw):
    return {before}

def postprocess(outputs):
    return int(outputs[0].argmax())
"""


@pytest.fixture(scope="module")
def artifact(
    tmp_path_factory: pytest.TempPathFactory, onnx_models: Path, samples: dict[str, Path]
) -> Path:
    folder = tmp_path_factory.mktemp("run") / "artifact"
    convert(
        ConvertRequest(
            onnx_models / "net.onnx",
            "raspberrypi",
            engine="onnxruntime",
            recipe="float",
            calibration=samples["nchw"],
        ),
        folder,
    )
    return folder


def command(artifact: Path, tmp_path: Path, *more: str) -> list[str]:
    base = ["run", str(artifact), "--board", "local", "--records", str(tmp_path), "--runs", "40"]
    return [*base, "--seconds", "0", *more]


def test_outputs_are_held_to_the_original_before_the_run(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (artifact / "golden" / "0.ref.0.bin").exists()
    record = tmp_path / "run.json"
    kept = ["--min-cosine", "0.999", "--min-snr", "40", "--min-top1", "1", "--out", str(record)]
    assert run(command(artifact, tmp_path, *kept)) == 0
    (output,) = load(Measurement, record).agreement
    assert output.against == "original"
    assert output.cosine > 0.999
    assert "against the original" in capsys.readouterr().err
    impossible = ["--min-snr", "500", "--out", str(tmp_path / "none.json")]
    assert run(command(artifact, tmp_path, *impossible)) == 7
    assert "wanted is 500 dB" in capsys.readouterr().err
    assert not (tmp_path / "none.json").exists()


def test_the_users_own_pipeline_is_timed_with_the_engine(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "mine.py"
    own.write_text(PIPELINE.format(before="numpy.tanh(raw)"))
    record = tmp_path / "run.json"
    arguments = ["--pipeline", str(own), "--concurrency", "2", "--out", str(record)]
    assert run(command(artifact, tmp_path, *arguments)) == 0
    measured = load(Measurement, record)
    assert sorted(set(measured.samples_ns["stream"])) == [0, 1]
    assert measured.placement == {"CPUExecutionProvider": 7}
    assert measured.outputs
    assert measured.outputs.bad == 0

    own.write_text(PIPELINE.format(before="raw[:, :2]"))
    assert run(command(artifact, tmp_path, "--pipeline", str(own))) == 6
    said = capsys.readouterr().err
    assert "must be float32" in said
    assert "but it is float32 [1, 2, 16, 16]" in said

    own.write_text(PIPELINE.format(before="raw * numpy.float32('nan')"))
    assert run(command(artifact, tmp_path, "--pipeline", str(own), "--out", str(record))) == 0
    nan = load(Measurement, record)
    assert nan.outputs
    assert nan.outputs.bad == nan.outputs.checked > 0
    assert "bad-outputs" in {note.id for note in nan.validity}


def test_a_profile_and_its_trace(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record, trace = tmp_path / "ops.json", tmp_path / "trace.json"
    arguments = ["--profile-ops", "--trace", str(trace), "--out", str(record), "--threads", "1"]
    assert run(command(artifact, tmp_path, *arguments)) == 0
    assert "in no operation" in capsys.readouterr().out
    profile = load(OperationProfile, record)
    assert "Conv" in {o.type for o in profile.operations}
    whole = sum(o.time_ms for o in profile.operations) + profile.outside_ms
    assert whole == pytest.approx(profile.unprofiled_ms)
    events = json.loads(trace.read_text())["traceEvents"]
    assert len([e for e in events if e["ph"] == "X"]) == len(profile.operations)


def test_a_sweep_over_engines_brings_each_ones_wheels(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engines = ["--engine", "onnxruntime,openvino", "--threads", "1,2", "--launches", "2", "--json"]
    assert run(command(artifact, tmp_path, *engines)) == 0
    found = json.loads(capsys.readouterr().out)
    cells = {(c["options"]["engine"], c["options"]["threads"]) for c in found["cells"]}
    assert cells == {(e, t) for e in ("onnxruntime", "openvino") for t in (1, 2)}
    assert all(len(c["launches"]) == 2 for c in found["cells"])


def test_a_pipeline_given_to_convert_stays_with_the_artifact(
    onnx_models: Path, samples: dict[str, Path], tmp_path: Path
) -> None:
    own = tmp_path / "mine.py"
    own.write_text(PIPELINE.format(before="raw * numpy.float32(2)"))
    folder = tmp_path / "artifact"
    convert_it = ["convert", str(onnx_models / "net.onnx"), "--profile", "raspberrypi"]
    convert_it += ["--engine", "onnxruntime", "--recipe", "float", "--out", str(folder)]
    convert_it += ["--calibration", str(samples["nchw"]), "--no-proof"]
    assert run([*convert_it, "--pipeline", str(own)]) == 0
    assert (folder / "pipeline.py").read_bytes() == own.read_bytes()
    record = tmp_path / "run.json"
    assert run(command(folder, tmp_path, "--out", str(record))) == 0
    own.write_text("def preprocess(raw):\n    return raw\n")
    assert run([*convert_it, "--pipeline", str(own)]) == 3
