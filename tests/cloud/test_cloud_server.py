"""The model server in its tool environment, asked by our own client over gRPC and REST."""

from __future__ import annotations

import dataclasses
import datetime
import http.client
import ipaddress
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edgekit.boards.deploy import load_card
from edgekit.boards.opening import open_board
from edgekit.boards.session import ensure_runner
from edgekit.cloud.endpoint import CloudAccess
from edgekit.cloud.options import ModelOptions
from edgekit.cloud.server import CloudServer, ServerSettings
from edgekit.convert.converting import convert
from edgekit.convert.request import ConvertRequest
from edgekit.core.errors import ConfigError, EndpointFailed
from edgekit.core.network import NetworkProfile, OpenLoad
from edgekit.measure.board_trips import measure_from_board
from edgekit.measure.stats import median
from edgekit.measure.trips import TripRequest, measure_trips
from samples import echo_artifact

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
EDGEKIT = Path(sys.executable).with_name("edgekit")
NEAR = NetworkProfile("near", "Near", 5.0, 0.0, 0.0, 0.0, "a test")
TOLD = (
    "server_preprocess",
    "server_queue",
    "server_batch_wait",
    "server_compute",
    "server_encode",
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, onnx_models: Path) -> Path:
    folder = tmp_path_factory.mktemp("original") / "artifact"
    request = ConvertRequest(
        onnx_models / "net.onnx", "generic-x86-64", recipe="float", engine="onnxruntime"
    )
    convert(request, folder)
    return folder


@pytest.fixture(scope="module")
def server(original: Path) -> Iterator[CloudServer]:
    with CloudServer(original) as running:
        yield running


def request(endpoint: str, folder: Path, **settings: Any) -> TripRequest:  # Any: fields
    settings = {"runs": 20, "timeout_s": 20.0} | settings
    return TripRequest(endpoint, folder, load_card(folder), **settings)


def ask(
    server: CloudServer, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, Any]:  # Any: JSON
    """An independent plain request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, data if method == "POST" else None, sent)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    is_json = (answer.getheader("content-type") or "").startswith("application/json")
    return answer.status, json.loads(text) if is_json else text.decode()


def picture(value: float = 0.5) -> dict[str, Any]:  # Any: JSON
    """A request for the small net."""
    tensor = {"name": "image", "shape": [1, 3, 16, 16], "datatype": "FP32", "data": [value] * 768}
    return {"id": "7", "inputs": [tensor]}


def test_trips_tell_where_the_server_spent_its_time(server: CloudServer, original: Path) -> None:
    direct = measure_trips(request(server.endpoint, original))[0]
    assert direct.network is None
    assert len(direct.samples_ns["total"]) == len(direct.up_bytes) == 20
    assert all(size > 3 * 16 * 16 * 4 for size in direct.up_bytes)
    for i, total in enumerate(direct.samples_ns["total"]):
        assert sum(direct.samples_ns[name][i] for name in TOLD) < total
    far = measure_trips(request(server.endpoint, original, networks=(NEAR,)))[0]
    assert min(far.samples_ns["round_trip"]) > 5_000_000
    assert far.once_ns["ping"] > 5_000_000
    with pytest.raises(EndpointFailed, match="there is no model 'nett'; did you mean net"):
        measure_trips(request(server.endpoint, original, model_name="nett"))
    with pytest.raises(EndpointFailed, match="serves no 'nett', but net") as caught:
        measure_trips(request(server.http_endpoint, original, model_name="nett"))
    assert caught.value.hint == "--model-name net"
    with pytest.raises(EndpointFailed, match="no pictures"):
        measure_trips(request(server.endpoint, original, payload="jpeg"))


def test_inputs_of_another_model_are_named(
    server: CloudServer, original: Path, tmp_path: Path, onnx_models: Path
) -> None:
    other = tmp_path / "other"
    wanted = ConvertRequest(
        onnx_models / "free.onnx",
        "generic-x86-64",
        recipe="float",
        engine="onnxruntime",
        shapes={"x": (2, 5)},
    )
    convert(wanted, other)
    for endpoint in (server.endpoint, server.http_endpoint):
        with pytest.raises(EndpointFailed) as caught:
            measure_trips(request(endpoint, other, model_name="net"))
        assert "input 'image' (FP32 [1, 3, 16, 16]) was not sent" in caught.value.message
        assert "input 'x' (FP32 [2, 5]) is not known to it" in caught.value.message
        assert "ORIGINAL" in caught.value.hint
    with open_board("local", profile="generic-x86-64", inventory=None) as opened:
        session = ensure_runner(opened.transport)
        with pytest.raises(EndpointFailed, match="takes other inputs"):
            measure_from_board(session, request(server.http_endpoint, other, model_name="net"))


@pytest.mark.parametrize("payload", ["tensor", "json"])
def test_the_phases_of_a_rest_trip_add_up(
    server: CloudServer, original: Path, payload: str
) -> None:
    trip = measure_trips(request(server.http_endpoint, original, payload=payload))[0]
    assert trip.protocol == "rest"
    assert trip.once_ns["ping"] > 0
    assert {"send", "wait", "receive", *TOLD} <= set(trip.samples_ns)
    for i, total in enumerate(trip.samples_ns["total"]):
        phase = {name: values[i] for name, values in trip.samples_ns.items()}
        assert phase["send"] + phase["wait"] + phase["receive"] <= phase["round_trip"]
        parts = phase["encode"] + phase["round_trip"] + phase["decode"]
        assert parts == pytest.approx(total, rel=0.05, abs=200_000)
        assert sum(phase[name] for name in TOLD) < phase["round_trip"]
    assert (min(trip.up_bytes) > 5000) == (payload == "json")


def test_the_phases_of_a_trip_leave_nothing_out(server: CloudServer, original: Path) -> None:
    for endpoint in (server.endpoint, server.http_endpoint):
        samples = measure_trips(request(endpoint, original, runs=60))[0].samples_ns
        parts = zip(samples["encode"], samples["round_trip"], samples["decode"], strict=True)
        left = [
            (total - sum(part)) / total
            for total, part in zip(samples["total"], parts, strict=True)
        ]
        assert abs(median(left)) < 0.01


def test_both_protocols_give_the_same_answer_to_others(server: CloudServer) -> None:
    status, metadata = ask(server, "GET", "/v2/models/net")
    assert status == 200
    assert metadata["inputs"][0]["datatype"] == "FP32"
    status, answer = ask(server, "POST", "/v2/models/net/infer", picture())
    assert (status, answer["id"]) == (200, "7")
    assert len(answer["outputs"][0]["data"]) == 10
    asked = picture() | {"outputs": [{"name": "scores", "parameters": {"binary_data": True}}]}
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
    connection.request("POST", "/v2/models/net/infer", json.dumps(asked))
    reply = connection.getresponse()
    body = reply.read()
    size = int(reply.getheader("inference-header-content-length") or 0)
    assert json.loads(body[:size])["outputs"][0]["parameters"] == {"binary_data_size": 40}
    assert len(body) == size + 40
    connection.close()


def wrong(**changes: Any) -> dict[str, Any]:  # Any: JSON
    """The request with its tensor changed."""
    document = picture()
    document["inputs"][0] |= changes
    return document


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (wrong(shape=[1, 3, 16, 15]), "no FP32 of shape"),
        (wrong(shape=[1, 3, 8, 8], data=[0.0] * 192), "expected shape"),
        (wrong(datatype="INT8", data=[1] * 768), "expected FP32"),
        (wrong(datatype="FP99"), "FP99"),
        (wrong(data=["a"] * 768), "no FP32"),
        ({"inputs": []}, "expected 1 inputs"),
        ({}, "no 'inputs'"),
        (b"not json", "cannot be read"),
        ([1], "cannot be read"),
        (picture() | {"outputs": [{"name": "other"}]}, "no output 'other'"),
    ],
    ids=[
        "size",
        "shape",
        "type",
        "datatype",
        "text",
        "none",
        "empty",
        "garbage",
        "list",
        "output",
    ],
)
def test_what_a_model_does_not_take_is_said(server: CloudServer, body: object, said: str) -> None:
    status, answer = ask(server, "POST", "/v2/models/net/infer", body)
    assert status == 400
    assert said in answer["error"]


def test_other_wrong_requests(server: CloudServer) -> None:
    assert ask(server, "POST", "/v2/models/other/infer", picture())[0] == 404
    path = "/v2/models/net/infer"
    assert ask(server, "POST", path, b"{}", Inference_Header_Content_Length="99")[0] == 400
    assert ask(server, "POST", "/v2/repository/models/net/unload", {})[0] == 404
    assert ask(server, "GET", "/v2/health/ready") == (200, {"ready": True})
    status, text = ask(server, "GET", "/metrics")
    assert status == 200
    assert 'edgekit_requests_total{model="net",outcome="answered"}' in text


def test_requests_at_a_rate_count_from_when_they_were_due(
    server: CloudServer, original: Path
) -> None:
    load = OpenLoad(100.0, "poisson", 1.0, 8)
    trip = measure_trips(request(server.endpoint, original, load=load))[0]
    assert trip.load == load
    assert 60 < len(trip.starts_ns) < 150
    for i, total in enumerate(trip.samples_ns["total"]):
        assert total == trip.samples_ns["late"][i] + trip.samples_ns["service"][i]
    beside = measure_trips(request(server.http_endpoint, original, concurrency=3))[0]
    assert (beside.concurrency, len(beside.starts_ns)) == (3, 20)


def test_a_token_and_a_certificate_are_asked_for(original: Path, tmp_path: Path) -> None:
    certificate, key, token = (tmp_path / name for name in ("cert.pem", "key.pem", "token"))
    subject = "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 {subject}".split()
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    token.write_text("open-sesame\n")
    wrong_token = tmp_path / "wrong"
    wrong_token.write_text("open-barley")
    settings = ServerSettings(token_file=token, certificate=certificate, key=key)
    with CloudServer(original, settings=settings) as running:
        good = CloudAccess(token, certificate)
        for endpoint in (running.endpoint, running.http_endpoint):
            # through the link: the certificate's name is not that of the link's address
            trip = measure_trips(request(endpoint, original, access=good, networks=(NEAR,)))[0]
            assert len(trip.starts_ns) == 20
            refused = request(endpoint, original, access=CloudAccess(wrong_token, certificate))
            with pytest.raises(EndpointFailed, match="token"):
                measure_trips(refused)
            with pytest.raises(EndpointFailed, match=r"certificate|CERTIFICATE"):
                measure_trips(
                    request(endpoint, original, access=CloudAccess(token), timeout_s=5.0)
                )
    with (
        pytest.raises(ConfigError, match="belong together"),
        CloudServer(original, settings=ServerSettings(certificate=certificate)),
    ):
        pass


def test_a_certificate_that_has_expired_is_said_at_once(original: Path, tmp_path: Path) -> None:
    certificate, key = expired_certificate(tmp_path)
    with CloudServer(
        original, settings=ServerSettings(certificate=certificate, key=key)
    ) as running:
        for endpoint in (running.endpoint, running.http_endpoint):
            with pytest.raises(EndpointFailed, match="certificate has expired") as caught:
                measure_trips(request(endpoint, original, access=CloudAccess(None, certificate)))
            assert "--ca" in caught.value.hint
        with pytest.raises(EndpointFailed) as caught:
            measure_trips(request(f"http://127.0.0.1:{running.http_port}", original))
        assert "https://" in caught.value.hint


def expired_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that ended ten days ago, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1).add_extension(names, False)
    builder = builder.not_valid_before(now - datetime.timedelta(days=20))
    made = builder.not_valid_after(now - datetime.timedelta(days=10)).sign(key, hashes.SHA256())
    paths = folder / "expired.pem", folder / "expired.key"
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    paths[1].write_bytes(plain)
    return paths


def test_more_requests_than_are_taken_are_refused(original: Path) -> None:
    options = ModelOptions(max_in_flight=1)
    with CloudServer(original, settings=ServerSettings(options=options)) as running:
        trip = measure_trips(
            request(running.endpoint, original, concurrency=8, runs=400, warmup_runs=0)
        )[0]
        reasons = {failure.reason for failure in trip.failures}
        assert reasons == {"overloaded"}
        assert len(trip.failures) + len(trip.starts_ns) == 400
        assert "failed-requests" in {note.id for note in trip.validity}


def test_a_body_that_is_too_large_is_refused(original: Path) -> None:
    with CloudServer(original, settings=ServerSettings(max_body_mb=0.001)) as running:
        assert ask(running, "POST", "/v2/models/net/infer", picture())[0] == 413
        with pytest.raises(EndpointFailed, match="larger than max"):
            measure_trips(request(running.endpoint, original))


def test_answers_are_kept_and_told(original: Path) -> None:
    options = ModelOptions(cache_mb=1.0)
    with CloudServer(original, settings=ServerSettings(options=options)) as running:
        first = ask(running, "POST", "/v2/models/net/infer", picture())[1]
        again = ask(running, "POST", "/v2/models/net/infer", picture())[1]
        other = ask(running, "POST", "/v2/models/net/infer", picture(0.25))[1]
        assert [a["parameters"]["cached"] for a in (first, again, other)] == [False, True, False]
        assert first["outputs"] == again["outputs"] != other["outputs"]
        metrics = ask(running, "GET", "/metrics")[1]
        assert 'edgekit_cache_lookups_total{model="net",result="hit"} 1.0' in metrics


def test_several_models_and_a_batch_of_a_fixed_size(
    tmp_path: Path, onnx_models: Path, original: Path
) -> None:
    wide = tmp_path / "wide"
    convert(
        ConvertRequest(
            onnx_models / "net.onnx",
            "generic-x86-64",
            recipe="float",
            engine="onnxruntime",
            name="wide",
            shapes={"image": (4, 3, 16, 16)},
        ),
        wide,
    )
    options = ModelOptions(max_batch=4, max_wait_ms=200.0)
    with CloudServer(original, wide, settings=ServerSettings(options=options)) as running:
        assert set(ask(running, "GET", "/v2/models")[1]["models"]) == {"net", "wide"}
        answers: list[Any] = []  # Any: JSON

        def one(value: float) -> None:
            answers.append(
                (value, ask(running, "POST", "/v2/models/wide/infer", picture(value))[1])
            )

        threads = [threading.Thread(target=one, args=(i / 10,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert max(answer["parameters"]["batch_rows"] for _, answer in answers) > 1
        for value, answer in answers:
            alone = ask(running, "POST", "/v2/models/net/infer", picture(value))[1]
            assert answer["outputs"][0]["data"] == pytest.approx(
                alone["outputs"][0]["data"], abs=1e-5
            )


def _kill_at_work(server: CloudServer) -> None:
    """Kills the server as soon as it has answered some of the timed requests."""
    wanted = re.compile(r'edgekit_requests_total.*outcome="answered"} ([0-9.]+)')
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = wanted.search(ask(server, "GET", "/metrics")[1])
        if found and float(found[1]) > 30:
            break
    os.kill(server.pid, signal.SIGKILL)


def test_a_server_that_dies_leaves_failures_not_a_hang(original: Path) -> None:
    with CloudServer(original) as running:
        killer = threading.Thread(target=_kill_at_work, args=(running,))
        killer.start()
        trip = measure_trips(
            request(
                running.http_endpoint,
                original,
                load=OpenLoad(50.0, "constant", 4.0, 4),
            )
        )[0]
        killer.join()
    assert trip.starts_ns
    assert {failure.reason for failure in trip.failures} <= {"broken", "unreachable"}
    assert trip.failures


def _serve_garbage(server: socket.socket, answer: bytes, *, wait_s: float = 0.0) -> None:
    try:
        while True:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                time.sleep(wait_s)
                connection.sendall(answer)
    except OSError:
        return


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "refused the request"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "none of the protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{", "broke"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff\xfe\x00", "none of the protocol"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{",
            "at most 268435456 are taken",
        ),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nboom", "HTTP 500: boom"),
    ],
    ids=["ssh", "empty", "truncated", "bytes", "huge", "error"],
)
def test_what_is_no_endpoint_is_said_over_rest(original: Path, answer: bytes, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve_garbage, args=(server, answer))
        thread.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(EndpointFailed, match=said):
            measure_trips(request(address, original, timeout_s=5.0))
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_an_endpoint_that_is_not_there_or_silent(original: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for scheme in ("grpc", "http"):
            with pytest.raises(EndpointFailed, match=r"no answer within|does not speak gRPC"):
                measure_trips(request(f"{scheme}://127.0.0.1:{port}", original, timeout_s=1.0))
    for scheme in ("grpc", "http"):
        with pytest.raises(EndpointFailed, match="no endpoint answers"):
            measure_trips(request(f"{scheme}://127.0.0.1:{port}", original))
    with pytest.raises(ConfigError, match="over REST only"):
        measure_trips(request(f"grpc://127.0.0.1:{port}", original, payload="json"))


def test_a_port_that_is_taken_is_said(original: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = ServerSettings(grpc_port=taken.getsockname()[1])
        for tried in (
            settings,
            dataclasses.replace(settings, grpc_port=0, http_port=settings.grpc_port),
        ):
            with (
                pytest.raises(EndpointFailed, match="Address already in use"),
                CloudServer(original, settings=tried),
            ):
                pass


def test_an_artifact_without_recorded_inputs_cannot_be_sent(
    server: CloudServer, tmp_path: Path
) -> None:
    folder = echo_artifact(tmp_path / "echo")
    with pytest.raises(EndpointFailed, match="no recorded inputs"):
        measure_trips(request(server.endpoint, folder))


def test_the_board_itself_asks(server: CloudServer, original: Path, tmp_path: Path) -> None:
    with open_board("local", profile="generic-x86-64", inventory=None) as opened:
        session = ensure_runner(opened.transport)
        trip = measure_from_board(session, request(server.http_endpoint, original))
        assert (trip.origin, trip.protocol, len(trip.starts_ns)) == ("board", "rest", 20)
        assert set(TOLD) <= set(trip.samples_ns)
        assert all(size > 3 * 16 * 16 * 4 for size in trip.up_bytes)
        with pytest.raises(EndpointFailed, match="no endpoint answers"):
            measure_from_board(session, request("http://127.0.0.1:9", original))
        with pytest.raises(EndpointFailed, match="serves no 'x', but net"):
            measure_from_board(session, request(server.http_endpoint, original, model_name="x"))
        for endpoint, networks in ((server.endpoint, ()), (server.http_endpoint, (NEAR,))):
            with pytest.raises(ConfigError):
                measure_from_board(session, request(endpoint, original, networks=networks))


def test_ctrl_c_is_the_way_to_end_serving(original: Path) -> None:
    # a runner in the background may have had SIGINT ignored, which children inherit
    start = ["env", "--default-signal=INT", str(EDGEKIT)]
    command = [*start, "serve", str(original), "--grpc-port", "0", "--http-port", "0"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout
    assert "Ctrl-C ends it" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 0
    assert told.endswith("ended\n")
    assert "error" not in told
