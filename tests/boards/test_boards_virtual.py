"""Virtual boards that stay up between commands, with faults on the way to them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.boards.inventory import load_board
from edgekit.boards.transports import open_transport
from edgekit.boards.virtual.faults import parse_faults
from edgekit.boards.virtual.lasting import boards_folder, find_lasting, is_held, list_lasting
from edgekit.cli.main import run
from edgekit.core.errors import BoardError, ConfigError
from edgekit.networks.catalog import load_network
from samples import echo_artifact


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Boards of this test alone; all of them end with it."""
    monkeypatch.setenv("EDGEKIT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    run(["board", "down", "--all", "--quiet"])
    assert list_lasting() == ()


def test_words_of_faults() -> None:
    network = load_network("loopback")
    way = parse_faults(["cut=1.5M", "stall=2k", "delay=80", "rate=2000", "loss=2"], network)
    assert way.faults.cut_after_bytes == 1_500_000
    assert way.faults.stall_after_bytes == 2000
    assert (way.network.rtt_ms, way.network.up_kbit_s, way.network.down_kbit_s) == (80, 2000, 2000)
    assert way.network.loss_share == 0.02
    for word in ("cut", "cut=", "cut=x", "cuts=1", "delay=-1", "=1", ""):
        with pytest.raises(ConfigError):
            parse_faults([word], network)


@pytest.mark.e2e
def test_up_used_by_name_and_down(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["board", "up", "--profile", "generic-x86-64", "--json"]) == 0
    up = json.loads(capsys.readouterr().out)
    assert up["spec"]["name"] == "local-1"
    assert run(["boards", "probe", "local-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "edgekit.board_facts"
    artifact = echo_artifact(tmp_path / "artifact")
    assert run(["deploy", str(artifact), "--board", "local-1"]) == 0
    capsys.readouterr()
    assert run(["deploy", str(artifact), "--board", "local-1"]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert run(["board", "up", "--name", "local-1"]) == 3
    assert "is up already" in capsys.readouterr().err
    assert run(["board", "list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 1
    assert run(["board", "down", "local-1"]) == 0
    with pytest.raises(ConfigError):
        load_board("local-1")
    assert run(["board", "down", "local-1"]) == 3
    # what was on it is still there
    assert run(["board", "up"]) == 0
    capsys.readouterr()
    assert run(["deploy", str(artifact), "--board", "local-1"]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert run(["board", "down", "local-1", "--delete", "--yes"]) == 0
    assert not (boards_folder() / "local-1").exists()


@pytest.mark.e2e
def test_a_keeper_that_was_killed_leaves_no_board() -> None:
    assert run(["board", "up", "--name", "gone"]) == 0
    board = find_lasting("gone")
    assert board
    os.kill(board.pid, signal.SIGKILL)
    while is_held(boards_folder() / "gone"):
        pass
    assert find_lasting("gone") is None
    with pytest.raises(BoardError):
        open_transport(board.entry)
    assert run(["board", "up", "--name", "gone"]) == 0


@pytest.mark.e2e
def test_faults_happen_on_the_way(tmp_path: Path) -> None:
    assert run(["board", "up", "--name", "far", "--fault", "cut=3M", "--fault", "delay=5"]) == 0
    with open_transport(load_board("far")) as transport, pytest.raises(BoardError):
        transport.put(bytes(9_000_000), f"{transport.home}/file")
    with open_transport(load_board("far")) as transport:  # a fault happens once
        transport.put(bytes(4_000_000), f"{transport.home}/file")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["up", "--name", "local"], 3),
        (["up", "--name", "a b"], 3),
        (["up", "--fault", "x=1"], 3),
        (["up", "--profile", "nonsense"], 3),
        (["down"], 2),
        (["down", "nobody"], 3),
    ],
)
def test_what_is_refused(words: list[str], code: int) -> None:
    assert run(["board", *words]) == code
