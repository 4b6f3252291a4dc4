"""Replicas on Ray Serve behind the same front: answers, refusals, processes that end with it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgekit.boards.deploy import load_card
from edgekit.cli.main import run
from edgekit.cloud.options import ModelOptions
from edgekit.cloud.server import CloudServer, ServerSettings
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.core.errors import EndpointFailed
from edgekit.measure.trips import TripRequest, measure_trips


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory, onnx_models: Path) -> Path:
    folder = tmp_path_factory.mktemp("replicated") / "artifact"
    source = onnx_models / "net.onnx"
    convert(ConvertRequest(source, "generic-x86-64", recipe="float", engine="onnxruntime"), folder)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_replicas_answer_as_one_server_does(artifact: Path) -> None:
    options = ModelOptions(threads=1, max_in_flight=4)
    alone = ServerSettings(options=ModelOptions(threads=1))
    with CloudServer(artifact, settings=alone) as one:
        expected = scores(one.http_port)
    with CloudServer(
        artifact, settings=ServerSettings(options=options, replicas=(2, 2))
    ) as server:
        family = list(descendants(server.pid))
        names = [name for _, name in family]
        assert sum("ServeReplica" in name for name in names) == 2, names
        assert scores(server.http_port) == pytest.approx(expected, abs=1e-6)
        wanted = TripRequest(server.endpoint, artifact, load_card(artifact), runs=20)
        trip = measure_trips(wanted)[0]
        assert {"server_queue", "server_compute"} <= set(trip.samples_ns)
        with pytest.raises(EndpointFailed, match="there is no model 'nett'; did you mean net"):
            measure_trips(
                TripRequest(server.endpoint, artifact, wanted.artifact, model_name="nett")
            )
        status, said = post(server.http_port, picture() | {"inputs": []})
        assert (status, said["error"]) == (400, "expected 1 inputs (image), got 0")
        crowd = TripRequest(
            server.endpoint, artifact, wanted.artifact, runs=300, concurrency=8, warmup_runs=0
        )
        assert {f.reason for f in measure_trips(crowd)[0].failures} == {"overloaded"}
    left = [name for pid, name in family if name_of(pid) == name and name]
    assert not left, "the cluster ends with the server"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--replicas", "two"], "expected a number"),
        (["--replicas", "4-2"], "the smaller number first"),
        (["--replicas", "0"], "1 to"),
        (["--ray", "auto"], "how many"),
    ],
)
def test_numbers_of_replicas_that_are_none(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from samples import echo_artifact

    folder = echo_artifact(tmp_path / "echo")
    assert run(["serve", str(folder), *options]) == 3
    assert said in capsys.readouterr().err


def picture() -> dict[str, Any]:  # Any: JSON
    """A request for the small net."""
    tensor = {"name": "image", "shape": [1, 3, 16, 16], "datatype": "FP32", "data": [0.5] * 768}
    return {"inputs": [tensor]}


def post(port: int, document: object) -> tuple[int, Any]:  # Any: JSON
    """An independent plain request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/v2/models/net/infer", json.dumps(document))
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def scores(port: int) -> list[float]:
    """What the model says to a grey picture."""
    status, answer = post(port, picture())
    assert status == 200, answer
    found: list[float] = answer["outputs"][0]["data"]
    return found


def descendants(pid: int) -> Iterator[tuple[int, str]]:
    """Processes that come from this one, with their names."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(path.joinpath("stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            child = int(path.name)
            yield child, name_of(child)
            yield from descendants(child)


def name_of(pid: int) -> str:
    """A process's command line; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""
