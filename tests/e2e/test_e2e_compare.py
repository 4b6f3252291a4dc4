"""`edgekit compare` and `edgekit load` as a person types them, against a real server and board."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgekit.cli.main import run
from edgekit.cloud.server import CloudServer
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory, onnx_models: Path) -> Path:
    folder = tmp_path_factory.mktemp("compare") / "artifact"
    source = onnx_models / "net.onnx"
    convert(ConvertRequest(source, "generic-x86-64", recipe="float", engine="onnxruntime"), folder)
    return folder


@pytest.fixture(scope="module")
def server(artifact: Path) -> Iterator[CloudServer]:
    with CloudServer(artifact) as running:
        yield running


def shown(capsys: pytest.CaptureFixture[str]) -> Any:  # Any: JSON
    """The one document on stdout."""
    return json.loads(capsys.readouterr().out)


def test_an_artifact_is_measured_and_compared_with_conditions(
    server: CloudServer, artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["compare", str(artifact), "--board", "local", "--records", str(tmp_path)]
    base += ["--cloud-runs", "30", "--rounds", "3", "--json"]
    emulated = [*base, "--cloud", server.endpoint, "--network", "4g", "--deadline", "20"]
    assert run([*emulated, "--fail-if", "ratio.p50<1"]) == 0
    document = shown(capsys)
    (network,) = document["networks"]
    assert network["quantiles"]["p50"]["verdict"] == "edge"
    assert len(network["rounds"]) == 3
    (record,) = tmp_path.glob("run-*.json")
    assert run(["report", str(record)]) == 0, "the rounds are one run"
    capsys.readouterr()
    assert network["availability"]["cloud_missed_share"] == 1.0
    assert network["break_even"]["rtt_ms"] < 40.0
    assert run([*emulated, "--fail-if", "cloud:4g.p50>1ms"]) == 7
    assert "cloud:4g.p50>1ms" in capsys.readouterr().err
    itself = [*base, "--cloud", server.http_endpoint, "--from-board"]
    assert run(itself) == 0
    assert shown(capsys)["networks"][0]["network"] is None
    assert any(
        json.loads(path.read_text())["origin"] == "board" for path in tmp_path.glob("trip-*.json")
    )
    assert run(["compare", str(artifact), "--cloud", server.endpoint]) == 3
    capsys.readouterr()
    measured = [str(record), str(artifact), "--board", "local", "--from-board"]
    options = ["--cloud", server.http_endpoint, "--records", str(tmp_path), "--json"]
    assert run(["compare", *measured, *options]) == 0
    assert shown(capsys)["networks"][0]["rounds"] == []


def test_the_rate_that_an_endpoint_takes(
    server: CloudServer, artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["load", str(artifact), "--cloud", server.endpoint, "--records", str(tmp_path)]
    assert run([*arguments, "--rate", "20,40", "--seconds", "1.5", "--json"]) == 0
    document = shown(capsys)
    assert [point["rate_per_s"] for point in document["points"]] == [20.0, 40.0]
    assert document["knee_per_s"]["tensor"]
    assert run([*arguments, "--concurrency", "1,2", "--seconds", "1"]) == 0
    printed = capsys.readouterr().out
    assert "2 at a time" in printed
    assert len(list(tmp_path.glob("load-*.json"))) == 2
    arguments[3] = server.http_endpoint
    assert run([*arguments, "--rate", "20", "--seconds", "1", "--every-payload", "--json"]) == 0
    document = shown(capsys)
    assert [point["payload"] for point in document["points"]] == ["tensor", "json"]
    assert document["points"][1]["up_bytes"] > 1.5 * document["points"][0]["up_bytes"]


def test_a_model_is_really_cut_between_board_and_endpoint(
    server: CloudServer, artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["split", str(artifact), "--board", "local", "--cloud", server.endpoint]
    options = ["--network", "4g", "--records", str(tmp_path), "--cloud-runs", "20"]
    assert run([*arguments, *options, "--verify-split", "--json"]) == 0
    document = shown(capsys)
    (network,) = document["networks"]
    assert network["best"]["tensor"] == "", "so small a net stays on the board"
    assert network["best_cut"]["tensor"] in ("p", "f"), "16 numbers are the least to send"
    checked = network["checked"]
    assert checked["largest_deviation"] < 1e-6
    assert checked["total_ms"] > 40, "the round trip is in it"
    assert run(["split", str(artifact), *arguments[2:], *options, "--payload", "json"]) == 3
