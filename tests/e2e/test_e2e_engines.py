"""Every engine with its own wheels on a board: deployed, golden outputs checked, measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgekit.cli.chain import RunSettings, deploy_and_run
from edgekit.cli.output import Output
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    ("engine", "profile"),
    [
        ("litert", "raspberrypi"),
        ("onnxruntime", "raspberrypi"),
        ("openvino", "intel-n100"),
        ("tflite_runtime", "coral-dev-board"),
    ],
)
def test_an_engine_arrives_with_its_wheels_and_agrees(
    tmp_path: Path, keras_models: Path, samples: dict[str, Path], engine: str, profile: str
) -> None:
    request = ConvertRequest(
        keras_models / "net.keras", profile, engine=engine, calibration=samples["nhwc"]
    )
    card = convert(request, tmp_path / "artifact")
    done = deploy_and_run(
        tmp_path / "artifact",
        "local",
        f"test-{engine}",
        RunSettings(runs=50, warmup_runs=3, min_duration_s=0.0),
        inventory=None,
        output=Output(quiet=True),
    )
    deployment = done.deployed.deployment
    assert deployment
    assert deployment.engine == card.engine == engine
    assert done.measurement.engine_version == deployment.engine_version
    assert len(done.measurement.samples_ns["total"]) == 50
    assert {"import", "load", "first_inference"} <= set(done.measurement.once_ns)
    phases = zip(
        *(done.measurement.samples_ns[name] for name in ("preprocess", "infer", "postprocess")),
        done.measurement.samples_ns["total"],
        strict=True,
    )
    assert all(pre + infer + post <= total for pre, infer, post, total in phases)
