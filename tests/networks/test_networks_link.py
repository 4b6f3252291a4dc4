"""Networks and the shaping link, end to end over loopback."""

from __future__ import annotations

import dataclasses
import socket
import time
from pathlib import Path

import pytest

from edgekit.cloud.endpoint import parse_endpoint
from edgekit.core.errors import ConfigError
from edgekit.core.network import NetworkProfile
from edgekit.networks.catalog import list_networks, load_network
from edgekit.networks.link import ShapingLink
from edgekit.networks.link_check import check_link
from edgekit.networks.link_process import Direction

FAST = NetworkProfile("fast", "Fast", 20.0, 0.0, 8000.0, 16000.0, "a test")


def test_every_network_is_in_order_and_sourced() -> None:
    networks = list_networks()
    assert {"loopback", "fiber", "4g", "3g-fast"} <= {network.id for network in networks}
    assert all(network.source for network in networks)


def test_an_unknown_network_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError) as caught:
        load_network("fibre")
    assert "fiber" in caught.value.hint


@pytest.mark.parametrize(
    "change", ["rtt_ms = -1.0", "speed = 3", 'id = "other"'], ids=["negative", "unknown", "id"]
)
def test_a_wrong_network_file(tmp_path: Path, change: str) -> None:
    lines = {
        "id": '"mine"',
        "name": '"Mine"',
        "rtt_ms": "1.0",
        "jitter_ms": "0.0",
        "up_kbit_s": "0.0",
        "down_kbit_s": "0.0",
        "source": '"me"',
    }
    key, _, value = change.partition(" = ")
    lines[key] = value
    path = tmp_path / "mine.toml"
    path.write_text("\n".join(f"{k} = {v}" for k, v in lines.items()))
    with pytest.raises(ConfigError, match="mine"):
        load_network(str(path))


def test_bytes_leave_at_the_rate_one_after_the_other() -> None:
    direction = Direction(8.0)
    assert direction.leave_s(10.0, 1000) == 11.0
    assert direction.leave_s(10.5, 1000) == 12.0
    assert direction.leave_s(20.0, 1000) == 21.0
    assert Direction(0.0).leave_s(3.0, 10**9) == 3.0


def test_the_link_delays_and_limits_as_asked() -> None:
    # the bounds hold for any machine that is not stopped: a link can never be faster
    found = check_link(FAST)
    assert found.rtt_ms >= 20.0
    assert found.up_kbit_s < 8000.0 * 1.2
    assert found.down_kbit_s < 16000.0 * 1.2


def test_bytes_arrive_whole_and_in_order() -> None:
    network = dataclasses.replace(FAST, rtt_ms=2.0, jitter_ms=1.0, up_kbit_s=0.0, down_kbit_s=0.0)
    data = bytes(range(256)) * 2000
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        ShapingLink(network, "127.0.0.1", server.getsockname()[1]) as link,
        socket.create_connection((link.host, link.port)) as client,
    ):
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        accepted, _ = server.accept()
        with accepted, accepted.makefile("rb") as stream:
            assert stream.read() == data


def test_a_target_that_is_not_there_closes_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with (
        ShapingLink(FAST, "127.0.0.1", port) as link,
        socket.create_connection((link.host, link.port)) as client,
    ):
        client.settimeout(10)
        assert client.recv(1) == b""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("grpc://host:8081", ("host", 8081)),
        ("host:1", ("host", 1)),
        ("grpc://[::1]:8081/", ("::1", 8081)),
    ],
)
def test_endpoints(text: str, expected: tuple[str, int]) -> None:
    assert parse_endpoint(text) == expected


@pytest.mark.parametrize("text", ["host", "http://host:80", "grpc://host:0", "grpc://h:99999", ""])
def test_what_is_no_endpoint(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_endpoint(text)


def test_many_connections_one_after_the_other_leave_no_descriptor() -> None:
    network = dataclasses.replace(FAST, rtt_ms=0.2, up_kbit_s=0.0, down_kbit_s=0.0)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        ShapingLink(network, "127.0.0.1", server.getsockname()[1]) as link,
    ):
        assert link._child
        folder = Path(f"/proc/{link._child.process.pid}/fd")
        for i in range(30):
            with socket.create_connection((link.host, link.port)) as client:
                client.sendall(bytes([i]))
                client.shutdown(socket.SHUT_WR)
                accepted, _ = server.accept()
                with accepted:
                    assert accepted.recv(10) == bytes([i])
                    accepted.sendall(b"ok")
                assert client.recv(10) == b"ok"
                assert client.recv(10) == b""
        deadline = time.monotonic() + 5
        while len(list(folder.iterdir())) > 12 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(list(folder.iterdir())) <= 12
