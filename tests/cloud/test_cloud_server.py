"""The model server in its tool environment: it starts, or says why not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from edgekit.cloud.server import CloudServer
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.core.errors import EndpointFailed
from edgekit.core.network import NetworkProfile
from edgekit.measure.trips import TripRequest, measure_trips

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
NEAR = NetworkProfile("near", "Near", 5.0, 0.0, 0.0, 0.0, "a test")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, onnx_models: Path) -> Path:
    folder = tmp_path_factory.mktemp("original") / "artifact"
    request = ConvertRequest(
        onnx_models / "net.onnx", "generic-x86-64", recipe="float", engine="onnxruntime"
    )
    convert(request, folder)
    return folder


def request(server: CloudServer, folder: Path, **settings: object) -> TripRequest:
    from edgekit.boards.deploy import load_card

    return TripRequest(
        server.endpoint,
        folder,
        load_card(folder),
        runs=20,
        **settings,  # type: ignore[arg-type]
    )


def test_trips_tell_where_the_server_spent_its_time(original: Path) -> None:
    with CloudServer(original) as server:
        direct = measure_trips(request(server, original))[0]
        assert direct.network is None
        assert len(direct.samples_ns["total"]) == len(direct.up_bytes) == 20
        assert all(size > 3 * 16 * 16 * 4 for size in direct.up_bytes)
        told = ("server_preprocess", "server_queue", "server_compute", "server_encode")
        for i, total in enumerate(direct.samples_ns["total"]):
            assert sum(direct.samples_ns[name][i] for name in told) < total
        far = measure_trips(request(server, original, networks=(NEAR,)))[0]
        assert min(far.samples_ns["round_trip"]) > 5_000_000
        with pytest.raises(EndpointFailed, match="refused the request"):
            measure_trips(request(server, original, model_name="another"))
        with pytest.raises(EndpointFailed, match="no pictures"):
            measure_trips(request(server, original, payload="jpeg"))
    with pytest.raises(EndpointFailed, match="no endpoint answers"):
        measure_trips(request(server, original))


def test_a_port_that_is_taken_is_said(original: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(EndpointFailed, match="Address already in use"),
            CloudServer(original, grpc_port=port),
        ):
            pass
