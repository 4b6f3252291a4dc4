"""One deployer at a time, and none that vanished holds a board."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path

import pytest

from board_home import BoardHome, text_of
from conftest import need_or_skip
from edgekit_runner import wire


@pytest.fixture
def board(tmp_path: Path) -> BoardHome:
    return BoardHome(tmp_path / "board")


def begin(board: BoardHome, holder: str, **fields: object) -> list[dict[str, object]]:
    request = {"holder": holder, "who": f"{holder}@desk", "sha256": [], **fields}
    return board.call("begin", request)


def test_the_second_deployer_is_told_who_and_since_when(board: BoardHome) -> None:
    begin(board, "anna")
    error = begin(board, "bert")[-1]
    assert error["code"] == wire.ERROR_BUSY
    assert "anna@desk is deploying to this board since 20" in str(error["message"])
    assert "ends in 60 s" in str(error["hint"]) or "ends in 59 s" in str(error["hint"])
    board.stage(b"m")
    assert board.code("install", {"manifest": text_of({"m": b"m"})}) == wire.ERROR_BUSY
    board.call("end", {"holder": "anna"})
    assert begin(board, "bert")[-1]["event"] == "done"


def test_a_lease_ends_by_itself(board: BoardHome) -> None:
    begin(board, "anna", lease_s=0.05)
    deadline = time.monotonic() + 20
    while begin(board, "bert")[-1]["event"] == "error":
        assert time.monotonic() < deadline
    assert board.code("renew", {"holder": "anna"}) == wire.ERROR_BUSY


def test_a_reboot_ends_a_lease(board: BoardHome) -> None:
    begin(board, "anna")
    path = board.root / wire.LEASE_FILE
    lease = json.loads(path.read_text())
    path.write_text(json.dumps(dict(lease, boot_id="another boot")))
    assert begin(board, "bert")[-1]["event"] == "done"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"expires_s": "x"}'])
def test_a_damaged_lease_holds_nobody(board: BoardHome, content: str) -> None:
    board.root.mkdir()
    (board.root / wire.LEASE_FILE).write_text(content)
    assert begin(board, "bert")[-1]["event"] == "done"


def test_renewing_prolongs(board: BoardHome) -> None:
    begin(board, "anna", lease_s=30)
    left = board.call("renew", {"holder": "anna", "who": "anna", "lease_s": 600})[0]["left_s"]
    assert left > 500


def test_of_many_at_once_one_wins_each_round(board: BoardHome) -> None:
    for _ in range(4):
        results: list[str] = []

        def contend(name: str, results: list[str] = results) -> None:
            request = {"holder": name, "who": name, "sha256": []}
            results.append(str(board.call_apart("begin", request)[-1]["event"]))

        threads = [threading.Thread(target=contend, args=(f"d{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == ["done", "error", "error", "error"]
        holder = json.loads((board.root / wire.LEASE_FILE).read_text())["holder"]
        board.call("end", {"holder": holder})


def test_the_date_decides_nothing(board: BoardHome) -> None:
    """With the clock ten years off, both ways, a lease holds as long and a deployment works."""
    need_or_skip(shutil.which("faketime") is not None, "faketime")
    for shift in ("-3650d", "+3650d"):
        events = board.call(
            "begin",
            {"holder": "h", "who": "w", "sha256": []},
            prefix=("env", "DONT_FAKE_MONOTONIC=1", "faketime", "-f", shift),
        )
        assert events[-1]["event"] == "done"
        assert begin(board, "other")[-1]["code"] == wire.ERROR_BUSY
        board.call("end", {"holder": "h"})
