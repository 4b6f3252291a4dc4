"""Networks and the shaping link, end to end over loopback."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from pathlib import Path

import pytest

from edgekit.core.errors import ConfigError, EndpointFailed
from edgekit.core.network import NetworkProfile
from edgekit.networks import speed
from edgekit.networks.catalog import list_networks, load_network
from edgekit.networks.link import LinkFaults, ShapingLink
from edgekit.networks.link_check import check_link
from edgekit.networks.measuring import listen, measure, write_profile

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


def test_the_link_delays_and_limits_as_asked() -> None:
    # the bounds hold for any machine that is not stopped: a link can never be faster
    found = check_link(FAST, bulk_s=0.2)
    assert found.rtt_ms >= 20.0
    up_bytes, down_bytes = 200_000, 400_000  # what the rates let pass in 0.2 s
    with (
        listen("127.0.0.1", 0) as listener,
        ShapingLink(FAST, "127.0.0.1", listener.port) as link,
        speed.connect(link.host, link.port) as client,
    ):
        assert speed.exchange_s(client, up_bytes, 1) >= up_bytes * 8 / 8000.0 / 1e3
        assert speed.exchange_s(client, 0, down_bytes) >= down_bytes * 8 / 16000.0 / 1e3


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


def _read_all(stream: socket.socket) -> tuple[bytes, bool]:
    """What came, and whether the connection was reset."""
    data = b""
    stream.settimeout(10)
    try:
        while part := stream.recv(1 << 16):
            data += part
    except ConnectionResetError:
        return data, True
    return data, False


@pytest.mark.parametrize("count", [1, 999, 40_000])
def test_a_cut_happens_once_after_the_byte_that_was_asked_for(count: int) -> None:
    network = dataclasses.replace(FAST, rtt_ms=1.0, up_kbit_s=0.0, down_kbit_s=0.0)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        ShapingLink(
            network,
            "127.0.0.1",
            server.getsockname()[1],
            faults=LinkFaults(cut_after_bytes=count),
        ) as link,
    ):
        for expected in (count, 100_000):
            with socket.create_connection((link.host, link.port)) as client:
                accepted, _ = server.accept()
                with accepted:
                    client.sendall(bytes(100_000))
                    if expected == 100_000:
                        client.shutdown(socket.SHUT_WR)
                    data, was_reset = _read_all(accepted)
            assert (len(data), was_reset) == (expected, expected == count)


def test_a_link_that_is_down_refuses_and_comes_back() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        ShapingLink(FAST, "127.0.0.1", server.getsockname()[1]) as link,
        socket.create_connection((link.host, link.port)) as client,
    ):
        server.accept()[0].close()
        link.cut(is_down=True)
        assert _read_all(client)[0] == b""
        with socket.create_connection((link.host, link.port)) as refused:
            assert _read_all(refused) == (b"", True)
        link.restore()
        with socket.create_connection((link.host, link.port)) as again:
            again.sendall(b"hello")
            accepted, _ = server.accept()
            with accepted:
                assert accepted.recv(5, socket.MSG_WAITALL) == b"hello"


def test_a_stall_holds_bytes_back_and_keeps_the_connection() -> None:
    network = dataclasses.replace(FAST, rtt_ms=1.0, up_kbit_s=0.0, down_kbit_s=0.0)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        ShapingLink(
            network,
            "127.0.0.1",
            server.getsockname()[1],
            faults=LinkFaults(stall_after_bytes=10, stall_s=0.3),
        ) as link,
        socket.create_connection((link.host, link.port)) as client,
    ):
        accepted, _ = server.accept()
        with accepted:
            client.sendall(bytes(10))
            assert len(accepted.recv(10, socket.MSG_WAITALL)) == 10
            started = time.monotonic()
            client.sendall(b"later")
            assert accepted.recv(5, socket.MSG_WAITALL) == b"later"
            assert time.monotonic() - started >= 0.25


def test_another_network_takes_the_place_of_the_first_while_it_runs() -> None:
    slow = dataclasses.replace(FAST, rtt_ms=80.0)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        ShapingLink(FAST, "127.0.0.1", server.getsockname()[1]) as link,
        socket.create_connection((link.host, link.port)) as client,
    ):
        accepted, _ = server.accept()
        with accepted:
            link.change(slow)
            found = 0.0
            for _ in range(20):  # the change takes effect some moments later
                started = time.monotonic()
                client.sendall(b"a")
                accepted.recv(1)
                accepted.sendall(b"b")
                client.recv(1)
                found = max(found, time.monotonic() - started)
            assert found >= 0.08


def test_a_network_of_ones_own_is_measured_through_a_link(tmp_path: Path) -> None:
    with (
        listen("127.0.0.1", 0) as listener,
        ShapingLink(FAST, "127.0.0.1", listener.port) as link,
    ):
        found = measure(f"127.0.0.1:{link.port}", name="mine", seconds=0.1)
    assert found.rtt_ms >= 20.0
    assert found.up_kbit_s > 0
    path = tmp_path / "networks" / "mine.toml"
    write_profile(found, path)
    assert load_network(str(path)) == found


@pytest.mark.parametrize("address", ["host", "host:0", ":80", "host:99999"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ConfigError, match="no address"):
        measure(address, name="x", seconds=1.0)


def _hang_up(server: socket.socket) -> None:
    server.accept()[0].close()


def test_who_speaks_something_else_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_hang_up, args=(server,))
        thread.start()
        with pytest.raises(EndpointFailed, match="does not answer"):
            measure(f"127.0.0.1:{server.getsockname()[1]}", name="x", seconds=1.0)
        thread.join()


@pytest.mark.parametrize("key", ["loss_share", "up_trace"])
def test_a_loss_or_a_trace_that_cannot_be(tmp_path: Path, key: str) -> None:
    value = {"loss_share": "1.0", "up_trace": '"no-such"'}[key]
    path = tmp_path / "mine.toml"
    path.write_text(
        'id = "mine"\nname = "Mine"\nrtt_ms = 1.0\njitter_ms = 0.0\nup_kbit_s = 0.0\n'
        f'down_kbit_s = 0.0\nsource = "me"\n{key} = {value}\n'
    )
    with pytest.raises(ConfigError, match=key):
        load_network(str(path))


def test_lost_segments_come_later_and_none_is_missing() -> None:
    network = dataclasses.replace(FAST, rtt_ms=4.0, up_kbit_s=0.0, loss_share=0.05)
    data = bytes(range(256)) * 1000
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        ShapingLink(network, "127.0.0.1", server.getsockname()[1]) as link,
        socket.create_connection((link.host, link.port)) as client,
    ):
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        accepted, _ = server.accept()
        with accepted:
            assert _read_all(accepted) == (data, False)
