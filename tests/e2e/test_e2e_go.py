"""The whole chain over real SSH, real engines, a real endpoint; and Ctrl-C at each stage."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.cli.main import run
from edgekit.core.comparison import Comparison
from edgekit.core.deploy import Deployment
from edgekit.core.estimate import Estimate
from edgekit.core.lag import LagReport
from edgekit.core.measurement import Measurement
from edgekit.core.network import CloudTrip
from edgekit.core.record import load
from edgekit.report.input import ReportInput

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]
EDGEKIT = Path(sys.executable).with_name("edgekit")


def arguments(model: Path, calibration: Path, out: Path) -> list[str]:
    settings = ["--profile", "raspberrypi", "--calibration", str(calibration), "--seconds", "1"]
    settings += ["--network", "loopback", "--network", "fiber", "--out", str(out)]
    return ["go", str(model), *settings]


def marked_processes(mark: str) -> list[str]:
    """Command lines of living processes that inherited the mark."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            environment = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in environment and command:
            found.append(command.replace(b"\0", b" ").decode())
    return found


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    value = f"mark-{uuid.uuid4().hex}"
    monkeypatch.setenv("EDGEKIT_TEST_MARK", value)
    yield value
    assert marked_processes(value) == []


def test_the_chain_leaves_a_report_records_and_no_process(
    tmp_path: Path,
    onnx_models: Path,
    samples: dict[str, Path],
    mark: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    assert run(arguments(onnx_models / "net.onnx", samples["nchw"], out)) == 0
    printed = capsys.readouterr()
    assert "EDGE OR CLOUD" in printed.out
    assert "sum = median" in printed.out
    records = out / "records"
    measurement = load(Measurement, records / "measurement.json")
    assert {note.id for note in measurement.validity} >= {"stand-in"}
    assert isinstance(measurement.summaries["total"].percentiles_ms["p50"], Estimate)
    assert measurement.engine == "litert"
    trips = [load(CloudTrip, records / f"trip-{name}.json") for name in ("loopback", "fiber")]
    assert all(len(trip.samples_ns["total"]) >= 20 for trip in trips)
    assert {"server_compute", "server_preprocess"} <= set(trips[0].samples_ns)
    fiber = load(Comparison, records / "comparison.json").networks[1]
    assert fiber.p50.cloud_ms.low > 4.0
    assert load(Deployment, records / "deployment.json").changed
    assert len(load(LagReport, records / "lag-report.json").ledgers) == 3
    report = load(ReportInput, records / "report.json")
    assert report.measurement == measurement
    assert "<svg" in (out / "report.html").read_text()
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]

    assert run([*arguments(onnx_models / "net.onnx", samples["nchw"], out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["deployment"]["changed"] is False
    assert document["deployment"]["sent_bytes"] == 0


@pytest.mark.parametrize(
    "stage",
    [
        "1/6 convert",
        "reading net",
        "3/6 deploy",
        "running net",
        "asking grpc",
        "5/6 compare",
        "6/6 report",
    ],
)
def test_ctrl_c_at_each_stage_leaves_nothing_half_written(
    tmp_path: Path, onnx_models: Path, samples: dict[str, Path], mark: str, stage: str
) -> None:
    out = tmp_path / "out"
    model = tmp_path / "net.onnx"
    # another model than the others', so that the conversion is not in the cache
    model.write_bytes(
        (onnx_models / "net.onnx").read_bytes().replace(b"scores", stage.encode()[:6])
    )
    process = subprocess.Popen(
        # a runner in the background may have had SIGINT ignored, which children inherit
        ["env", "--default-signal=INT", str(EDGEKIT), *arguments(model, samples["nchw"], out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        start_new_session=True,
    )
    assert process.stderr
    seen = []
    for line in process.stderr:
        seen.append(line)
        if stage in line:
            break
    else:
        pytest.fail("".join(seen))
    os.killpg(process.pid, signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    if stage == "6/6 report" and process.returncode == 0:  # it was done before the signal came
        assert "</html>" in (out / "report.html").read_text()
    else:
        assert process.returncode == 130, rest
        assert "interrupted" in rest
    assert "Traceback" not in rest
    deadline = time.monotonic() + 10
    while marked_processes(mark) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]
    for card in out.rglob("card.json"):
        assert json.loads(card.read_text())["kind"] == "edgekit.artifact"


def test_a_chain_that_was_broken_off_goes_on_where_it_was(
    tmp_path: Path,
    onnx_models: Path,
    samples: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    settings = arguments(onnx_models / "net.onnx", samples["nchw"], out)
    (tmp_path / "out/records").mkdir(parents=True)
    taken = tmp_path / "out/records/trip-fiber.json"
    taken.mkdir()  # the second trip cannot be saved
    assert run(settings) == 3
    assert "kept: run, trip over loopback" in capsys.readouterr().err
    before = load(Measurement, out / "records/measurement.json")
    taken.rmdir()
    assert run([*settings, "--fail-if", "edge.p50>1ns"]) == 3, "not a unit"
    assert run([*settings, "--fail-if", "edge.p50>0.001us"]) == 7
    told = capsys.readouterr().err
    assert "run: kept from the run before" in told
    assert "trip over loopback: kept" in told
    report = load(ReportInput, out / "records/report.json")
    assert report.measurement == before
    assert [gate.is_kept for gate in report.gates] == [False]
    assert run(settings) == 0
    assert load(Measurement, out / "records/measurement.json").id != before.id
