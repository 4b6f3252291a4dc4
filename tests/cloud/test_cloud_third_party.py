"""Other people's clients against our server, and other people's server against our client."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cloud_bench
from edgekit.boards.deploy import load_card
from edgekit.cloud.server import CloudServer
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.core.errors import EndpointFailed
from edgekit.measure.trips import TripRequest, measure_trips
from edgekit.toolenvs.child import Child
from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.worker import source_path, worker_variables
from peers import SCHEMATHESIS, TRITONCLIENT, peer_program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PROGRAMS = Path(__file__).parent / "programs"
SAMPLE = Path(cloud_bench.__file__).parent / "programs/kserve_sample.py"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, onnx_models: Path) -> Path:
    folder = tmp_path_factory.mktemp("original") / "artifact"
    source = onnx_models / "net.onnx"
    convert(ConvertRequest(source, "generic-x86-64", recipe="float", engine="onnxruntime"), folder)
    return folder


@pytest.fixture(scope="module")
def server(original: Path) -> Iterator[CloudServer]:
    with CloudServer(original) as running:
        yield running


@pytest.fixture(scope="module")
def told(server: CloudServer) -> Any:  # Any: JSON
    """What tritonclient got from our server."""
    python = peer_program(TRITONCLIENT, "python")
    ports = [str(server.port), str(server.http_port)]
    done = subprocess.run(
        [python, str(PROGRAMS / "triton_requests.py"), "127.0.0.1", *ports, "net"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_tritonclient_gets_the_same_answer_over_every_way(told: Any) -> None:  # Any: JSON
    assert told["grpc_health"] == told["http_health"] == [True, True, True]
    assert told["server"] == ["edgekit", "edgekit"]
    assert [document["name"] for document in told["metadata"]] == ["net", "net"]
    assert told["metadata"][0]["inputs"][0] == {
        "name": "image",
        "datatype": "FP32",
        "shape": [1, 3, 16, 16],
    }
    answers = told["answers"]
    assert len(answers) == 6
    assert len(answers["grpc"][0]) == 10
    for answer in answers.values():
        assert answer[0] == pytest.approx(answers["grpc"][0], abs=1e-6)


def test_tritonclient_is_told_what_was_wrong(told: Any) -> None:  # Any: JSON
    refusals = told["refusals"]
    assert "did you mean net?" in refusals["model"]
    assert "NOT_FOUND" in refusals["model"]
    assert "did you mean net?" in refusals["http model"]
    assert "expected shape [1, 3, 16, 16]" in refusals["shape"]
    assert "expected FP32, got INT8" in refusals["type"]
    assert "no output 'other'" in refusals["output"]
    assert "gzip is not taken" in refusals["compressed"]


def test_schemathesis_finds_nothing_that_the_document_does_not_say(
    server: CloudServer, tmp_path: Path
) -> None:
    """Valid requests are left out of one check: no schema says which shapes a model takes."""
    program = peer_program(SCHEMATHESIS, "schemathesis")
    command = [program, "run", f"{server.http_endpoint}/openapi.json", "--max-examples", "30"]
    options = ["--phases", "coverage,fuzzing", "--exclude-checks", "positive_data_acceptance"]
    options += ["--generation-database", "none", "--seed", "1", "--workers", "1", "--no-color"]
    done = subprocess.run(
        [*command, *options, "--suppress-health-check", "all"],
        cwd=tmp_path,  # it keeps notes in the folder where it runs
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert "8 selected / 8 total" in done.stdout


def test_our_client_asks_the_sdks_own_server(original: Path, tmp_path: Path) -> None:
    child = Child(
        [str(ensure("cloud")), str(SAMPLE)],
        name="KServe sample",
        log=tmp_path / "log.txt",
        timeout_s=120,
        env=worker_variables(source_path()),
    )
    try:
        for address in (
            f"grpc://127.0.0.1:{child.port}",
            f"http://127.0.0.1:{child.announced['http_port']}",
        ):
            wanted = TripRequest(
                address, original, load_card(original), model_name="echo", runs=20, timeout_s=20
            )
            trip = measure_trips(wanted)[0]
            assert len(trip.starts_ns) == 20
            assert min(trip.down_bytes) > 3 * 16 * 16 * 4
            assert "server_compute" not in trip.samples_ns, "it does not tell"
            with pytest.raises(EndpointFailed):
                measure_trips(
                    TripRequest(address, original, load_card(original), model_name="ech", runs=20)
                )
    finally:
        child.close()
