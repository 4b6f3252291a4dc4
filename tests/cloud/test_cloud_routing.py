"""Whom a request is sent to, with a clock of its own; then real servers behind a link that breaks."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.boards.deploy import load_card
from edgekit.cloud.options import ModelOptions
from edgekit.cloud.router import Router, RouterSettings, Upstream
from edgekit.cloud.server import CloudServer, ServerSettings
from edgekit.cloud.serving.routing import CLOUD, EDGE, LONGEST_REST_S, Side, plan
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.core.errors import ConfigError, EndpointFailed
from edgekit.core.network import CloudTrip, NetworkProfile, OpenLoad
from edgekit.measure.trips import TripRequest, measure_trips
from edgekit.networks.link import ShapingLink

NEAR = NetworkProfile("near", "Near", 10.0, 0.0, 0.0, 0.0, "a test")
DEADLINE_MS = 3000.0


def sides(edge_s: float | None = None, cloud_s: float | None = None) -> tuple[Side, Side]:
    """Both sides, with one answer each where a time is given."""
    found = Side(EDGE, 2), Side(CLOUD, 8)
    for side, spent_s in zip(found, (edge_s, cloud_s), strict=True):
        if spent_s is not None:
            side.answered(spent_s)
    return found


def test_the_preferred_side_is_first_and_the_other_in_time() -> None:
    found = plan(sides(None, 0.04), "edge", 0.2, 0.0)
    assert (found.first.name, found.second.name) == (EDGE, CLOUD)
    assert found.hedge_after_s == pytest.approx(0.2 - 1.5 * 0.04)
    found = plan(sides(0.01), "cloud", 0.2, 0.0)
    assert found.first.name == CLOUD
    assert found.hedge_after_s == pytest.approx(0.15), "a quarter of the time is left at least"
    assert plan(sides(0.05, 0.04), "fastest", 0.2, 0.0).first.name == CLOUD
    unknown = plan(sides(), "edge", 0.2, 0.0)
    assert unknown.hedge_after_s == pytest.approx(0.1), "half of the time is left to it"
    usual = plan(sides(0.03, 0.04), "edge", 0.2, 0.0)
    assert usual.hedge_after_s == pytest.approx(0.06), "twice what it takes is too long"
    for edge_s, cloud_s in ((0.01, 0.04), (0.01, 0.4)):
        eager = plan(sides(edge_s, cloud_s), "edge", 0.2, 0.0)
        assert eager.hedge_after_s == pytest.approx(0.05), "the first has its quarter"


def test_a_side_that_is_always_overtaken_is_down() -> None:
    edge, cloud = sides(0.01, 0.04)
    for _ in range(2):
        cloud.overtaken(0.1, 5.0)
    assert cloud.is_up(5.0)
    cloud.overtaken(0.1, 5.0)
    assert plan((edge, cloud), "cloud", 0.2, 5.1).first.name == EDGE
    cloud.answered(0.04)
    cloud.overtaken(0.1, 6.0)
    assert cloud.is_up(6.0)


def test_a_side_that_is_down_or_full_is_not_first() -> None:
    edge, cloud = sides(0.01, 0.04)
    edge.failed(10.0)
    found = plan((edge, cloud), "edge", 0.2, 10.1)
    assert (found.first.name, found.hedge_after_s) == (CLOUD, None)
    assert plan((edge, cloud), "edge", 0.2, 10.3).first.name == EDGE, "it had its rest"
    edge, cloud = sides(0.01, 0.04)
    edge.in_flight = 2
    assert plan((edge, cloud), "edge", 0.2, 0.0).first.name == CLOUD
    cloud.failed(0.0)
    assert plan((edge, cloud), "edge", 0.2, 0.1).first.name == EDGE, "full is better than down"


def test_rests_get_longer_and_end_with_an_answer() -> None:
    side = Side(CLOUD)
    for _ in range(10):
        side.failed(0.0)
    assert side.down_until_s == LONGEST_REST_S
    side.answered(0.1)
    assert side.is_up(0.0)
    side.failed(0.0)
    assert side.down_until_s == 0.25


def test_the_tail_follows_what_a_side_takes_now() -> None:
    side = Side(EDGE)
    for _ in range(200):
        side.answered(1.0)
    for i in range(64):
        side.recent_s.append(i / 100)
    assert side.tail_s == pytest.approx(0.60, abs=0.02)


def test_only_rest_is_routed(tmp_path: Path) -> None:
    good = Upstream("http://127.0.0.1:1")
    with pytest.raises(ConfigError, match="REST only"):
        RouterSettings(Upstream("grpc://127.0.0.1:1"), good, 100.0).document()
    with pytest.raises(ConfigError, match="no such file"):
        RouterSettings(good, Upstream("https://a:1", "", tmp_path / "none"), 100.0).document()


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory, onnx_models: Path) -> Path:
    folder = tmp_path_factory.mktemp("routed") / "artifact"
    source = onnx_models / "net.onnx"
    convert(ConvertRequest(source, "generic-x86-64", recipe="float", engine="onnxruntime"), folder)
    return folder


@pytest.fixture(scope="module")
def servers(artifact: Path) -> Iterator[tuple[CloudServer, CloudServer]]:
    one = ServerSettings(options=ModelOptions(threads=1))
    with CloudServer(artifact, settings=one) as edge, CloudServer(artifact, settings=one) as cloud:
        yield edge, cloud


def loaded(address: str, artifact: Path, *, seconds: float = 3.0) -> CloudTrip:
    """Requests at a rate, for a while."""
    load = OpenLoad(40.0, "constant", seconds, 8)
    return measure_trips(
        TripRequest(address, artifact, load_card(artifact), load=load, timeout_s=5.0)
    )[0]


def through_a_link_that_breaks(
    address: str, artifact: Path, break_it: threading.Timer
) -> CloudTrip:
    """A load during which the link breaks."""
    break_it.start()
    try:
        return loaded(address, artifact)
    finally:
        break_it.join()


def late(trip: CloudTrip) -> int:
    """Requests that were lost, or answered after the deadline."""
    return len(trip.failures) + sum(t > DEADLINE_MS * 1e6 for t in trip.samples_ns["total"])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", ["cut", "stall"])
def test_no_request_is_lost_when_the_link_breaks(
    servers: tuple[CloudServer, CloudServer], artifact: Path, fault: str
) -> None:
    edge, cloud = servers
    with ShapingLink(NEAR, "127.0.0.1", cloud.http_port) as link:
        far = f"http://{link.host}:{link.port}"
        settings = RouterSettings(
            Upstream(edge.http_endpoint),
            Upstream(far),
            DEADLINE_MS,
            prefer="cloud",
            edge_in_flight=32,
        )
        breaks = (lambda: link.cut(is_down=True)) if fault == "cut" else lambda: link.stall(60)
        with Router(settings) as router:
            # the client needs about a second to start, which only moves the moment of the fault
            trip = through_a_link_that_breaks(
                router.endpoint, artifact, threading.Timer(3.0, breaks)
            )
            metrics = _get(router.endpoint, "/metrics")
        assert late(trip) == 0
        assert 'edgekit_route_answers_total{side="edge"}' in metrics
        if fault == "cut":
            with pytest.raises(EndpointFailed):
                loaded(far, artifact, seconds=1.0)  # alone, the cloud is lost


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_the_router_tells(servers: tuple[CloudServer, CloudServer], artifact: Path) -> None:
    edge, cloud = servers
    settings = RouterSettings(
        Upstream(edge.http_endpoint, "net"), Upstream(cloud.http_endpoint, "net"), DEADLINE_MS
    )
    with Router(settings) as router:
        assert json.loads(_get(router.endpoint, "/v2/models/whatever"))["name"] == "net"
        status, headers, _ = _post(router.endpoint, "/v2/models/whatever/infer", _picture())
        assert (status, headers["edgekit-answered-by"]) == (200, "edge")
        status, _, body = _post(router.endpoint, "/v2/models/net/infer", b"{}")
        assert status == 400, "a wrong request is not tried twice"
        assert "inputs" in body
    nobody = RouterSettings(Upstream("http://127.0.0.1:9"), Upstream("http://127.0.0.1:9"), 300.0)
    with Router(nobody) as router:
        status, _, body = _post(router.endpoint, "/v2/models/net/infer", _picture())
        assert status == 502
        assert "neither side answers" in body


def _picture() -> bytes:
    tensor = {"name": "image", "shape": [1, 3, 16, 16], "datatype": "FP32", "data": [0.5] * 768}
    return json.dumps({"inputs": [tensor]}).encode()


def _get(address: str, path: str) -> str:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
    connection.request("GET", path)
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def _post(address: str, path: str, body: bytes) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=20)
    connection.request("POST", path, body)
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read().decode()
    connection.close()
    return found
