"""The model server on the board: protocol, limits, health, watchdog, trying a release."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from board_home import BoardHome, text_of
from conftest import need_or_skip
from edgekit_runner import wire
from edgekit_runner.engines.contract import Tensor
from edgekit_runner.inference_protocol import BadInference, parse_inputs
from edgekit_runner.serve import Handler
from edgekit_runner.unit import Unit, unit_name, unit_text

TENSORS = [{"name": "x", "shape": [-1, 2], "dtype": "float32"}]


def files(content: str = "") -> dict[str, bytes]:
    card = {
        "model": "model.json",
        "golden": {"unavailable": "none"},
        "inputs": [],
        "outputs": [],
        "note": content,
    }
    return {"model.json": json.dumps(TENSORS).encode(), "card.json": json.dumps(card).encode()}


class Served:
    """``runner.pyz serve`` in a process of its own."""

    def __init__(self, board: BoardHome, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-B", str(board.archive), "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"HOME": str(board.folder), "PATH": os.defpath, **environment},
        )
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"app": "cats", "port": 0}).encode())
        self.process.stdin.close()
        self.event = json.loads(self.process.stdout.readline())
        self.port = self.event.get("port", 0)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, data, headers)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        is_json = response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(content) if is_json else content.decode()

    def close(self) -> list[dict[str, Any]]:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stdout
        assert self.process.stderr
        rest = [json.loads(line) for line in self.process.stdout.read().splitlines()]
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.wait(20)
        return rest


@pytest.fixture
def board(tmp_path: Path) -> BoardHome:
    made = BoardHome(tmp_path / "board")
    made.deploy(text_of(files()), *files().values())
    return made


@pytest.fixture
def served(board: BoardHome) -> Iterator[Served]:
    found = Served(board)
    yield found
    if found.process.poll() is None:
        found.close()


def infer(*values: float, **changes: object) -> dict[str, object]:
    entry = {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": list(values), **changes}
    return {"id": "7", "inputs": [entry]}


def test_it_answers_as_the_protocol_says(served: Served, board: BoardHome) -> None:
    assert served.event["release"] == board.current()
    assert served.ask("GET", "/v2/health/live")[0] == 200
    assert served.ask("GET", "/v2/health/ready")[1]["release"] == board.current()
    assert served.ask("GET", "/v2")[1]["name"] == "edgekit"
    about = served.ask("GET", "/v2/models/cats")[1]
    assert about["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]
    code, answer = served.ask("POST", "/v2/models/cats/infer", infer(1, 2.5))
    assert code == 200
    assert answer["id"] == "7"
    assert answer["model_version"] == board.current()
    assert answer["outputs"] == [
        {"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.0, 2.5]}
    ]
    metrics = served.ask("GET", "/metrics")[1]
    assert 'edgekit_requests_total{outcome="ok"} 1' in metrics
    assert "edgekit_inference_seconds_count 1" in metrics
    assert served.close()[0] == {"event": "stopped", "requests": 1}
    assert served.process.returncode == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"not json", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        ([], "list of inputs"),
        (infer(1, 2, name="y"), "no input is called 'y'"),
        ({"inputs": []}, "'x' is missing"),
        (infer(1, 2, datatype="INT8"), "expected datatype FP32"),
        (infer(1, 2, shape=[2, 1]), "expected shape"),
        (infer(1, 2, shape=[1, -2]), "positive"),
        (infer(1, 2, shape=[10**9, 2]), "positive"),
        (infer(1, 2, 3), "reshape"),
        (infer(1, 2, data="text"), "list of data"),
        (infer(1, 2, data=["a", "b"]), "no numbers"),
    ],
)
def test_a_wrong_request_is_refused_with_the_reason(
    served: Served, body: object, words: str
) -> None:
    code, answer = served.ask("POST", "/v2/models/cats/infer", body)
    assert code == 400
    assert words in answer["error"]


def test_other_paths_and_sizes_are_refused(served: Served) -> None:
    assert served.ask("GET", "/etc/passwd")[0] == 404
    assert served.ask("POST", "/v2/models/dogs/infer", infer(1, 2))[0] == 404
    headers = {"Content-Length": "99999999999"}
    assert served.ask("POST", "/v2/models/cats/infer", None, **headers)[0] == 413


def test_the_end_of_an_answer_does_not_wait_for_an_acknowledgement() -> None:
    assert Handler.disable_nagle_algorithm


def test_it_listens_on_loopback_only(served: Served) -> None:
    with pytest.raises(OSError):  # noqa: PT011  whichever the kernel says
        socket.create_connection((other_address(), served.port), timeout=2)


def other_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def test_systemd_is_told_when_it_is_ready_and_well(board: BoardHome, tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(path))
        channel.settimeout(20)
        served = Served(board, NOTIFY_SOCKET=str(path), WATCHDOG_USEC="60000")
        heard = [channel.recv(4096).decode() for _ in range(3)]
        served.close()
        while "STOPPING=1" not in heard:
            heard.append(channel.recv(4096).decode())
    assert heard[0].startswith("READY=1\n")
    assert heard[1] == heard[2] == "WATCHDOG=1"


def test_a_release_that_was_never_confirmed_is_tried_three_times(board: BoardHome) -> None:
    old = board.current()
    new_files = files("new")
    board.stage(*new_files.values())
    new = board.call("install", {"manifest": text_of(new_files)})[0]["release"]
    board.call("switch", {"app": "cats", "release": new})
    seen = []
    for _ in range(5):
        served = Served(board)
        seen.append(served.event["release"])
        served.close()
    assert seen == [new, new, new, old, old]
    assert board.current() == old


def test_a_release_whose_golden_outputs_differ_is_not_served(board: BoardHome) -> None:
    bad = files()
    card = json.loads(bad["card.json"])
    spec = {"name": "x", "shape": [1, 2], "dtype": "float32"}
    card.update(golden={"sample_count": 1, "tolerance": 0.1}, inputs=[spec], outputs=[spec])
    bad = {
        "model.json": bad["model.json"],
        "card.json": json.dumps(card).encode(),
        "golden/0.in.0.bin": bytes(8),
        "golden/0.out.0.bin": b"\x00\x00\x80\x3f" * 2,
    }
    board.deploy(text_of(bad), *bad.values())
    served = Served(board)
    assert served.event["code"] == wire.ERROR_GOLDEN_FAILED
    served.close()


def test_without_a_release_there_is_nothing_to_serve(tmp_path: Path) -> None:
    served = Served(BoardHome(tmp_path / "empty"))
    assert served.event["code"] == wire.ERROR_NO_RELEASE
    served.close()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["inputs", "name", "shape", "datatype", "data", "id"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_no_document_breaks_the_protocol(document: object) -> None:
    with pytest.raises(BadInference):
        parse_inputs(document, [Tensor("x", (1, 2), "float32")])


UNIT = Unit("cats", "pi", "/home/pi", "/usr/bin/python3.11", 8390, 4, is_system=True)


def test_the_unit_says_what_it_has_to() -> None:
    text = unit_text(UNIT)
    assert "ExecStart=/usr/bin/python3.11 -I /home/pi/.edgekit/apps/cats/runner.pyz serve" in text
    asked = re.search(r"^StandardInputText=(.*)$", text, re.MULTILINE)
    assert asked
    assert json.loads(asked[1]) == {"app": "cats", "port": 8390, "threads": 4}
    for line in ("User=pi", "WatchdogSec=30", "Restart=always", "ProtectSystem=strict"):
        assert line in text.splitlines()
    assert "MemoryDenyWriteExecute" not in text
    assert "PrivateDevices=yes" in text
    with_gpu = unit_text(UNIT._replace(devices=("/dev/nvmap",)))
    assert "DeviceAllow=/dev/nvmap rw" in with_gpu
    assert "PrivateDevices" not in with_gpu
    own = unit_text(UNIT._replace(is_system=False))
    assert "User=" not in own
    assert "ProtectSystem" not in own


@pytest.mark.parametrize(
    "home", ["/home/a b", "/home/a%b", "relative", '/home/"x', "/a\nUser=root"]
)
def test_a_home_that_could_change_the_unit_is_refused(home: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a unit"):
        unit_text(UNIT._replace(home=home))


@pytest.mark.parametrize("is_system", [True, False])
def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path, is_system: bool) -> None:
    need_or_skip(shutil.which("systemd-analyze") is not None, "systemd-analyze")
    path = tmp_path / unit_name("cats")
    unit = UNIT._replace(python=sys.executable, is_system=is_system, user="root")
    path.write_text(unit_text(unit))
    argv = ["systemd-analyze", "verify", "--man=no", str(path)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    complaints = [line for line in done.stderr.splitlines() if "edgekit" in line]
    assert complaints == []


def test_the_unit_is_well_sandboxed(tmp_path: Path) -> None:
    """systemd's own score: 10 is exposed, 0 is closed; under 2 is what it calls OK."""
    need_or_skip(shutil.which("systemd-analyze") is not None, "systemd-analyze")
    path = tmp_path / unit_name("cats")
    path.write_text(unit_text(UNIT))
    argv = ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(path)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-300:]


def test_a_board_without_systemd_is_told_so(board: BoardHome) -> None:
    if Path("/run/systemd/system").is_dir():
        pytest.skip("this machine runs systemd")
    request = {"action": "install", "app": "cats"}
    assert board.code("service", request) == wire.ERROR_NO_SYSTEMD
