"""A deployer's name on a board: kept for its next try, never shared by two at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgekit.boards.holder import Holder, address_of
from edgekit.core.board import BoardEntry

TAKE_AND_DIE = """
import os, signal, sys
from edgekit.boards.holder import Holder
print(Holder(sys.argv[1]).name, flush=True)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEKIT_CACHE_DIR", str(tmp_path / "cache"))


def test_the_next_try_has_the_same_name() -> None:
    first = Holder("pi")
    first.close()
    second = Holder("pi")
    assert second.name == first.name
    other = Holder("another board")
    assert other.name != first.name
    other.close()
    second.close()


def test_two_at_a_time_never_share_a_name() -> None:
    first, second = Holder("pi"), Holder("pi")
    assert first.name != second.name
    first.close()
    third = Holder("pi")  # while the second, which had no claim on the kept name, is there still
    assert third.name == first.name
    second.close()
    third.close()


def test_one_that_is_killed_leaves_its_name_to_the_next() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE_AND_DIE, "pi"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    name = process.stdout.readline().strip()
    alive = Holder("pi")
    assert alive.name != name
    alive.close()
    process.communicate("\n")
    heir = Holder("pi")
    assert heir.name == name
    heir.close()


@pytest.mark.parametrize("content", ["", "x", "0123456789ABCDEF", "0123456789abcdef0"])
def test_a_damaged_file_gives_a_new_name(tmp_path: Path, content: str) -> None:
    first = Holder("pi")
    first.close()
    (file,) = (tmp_path / "cache" / "holders").iterdir()
    file.write_text(content)
    second = Holder("pi")
    second.close()
    assert second.name not in (first.name, content)
    assert file.read_text() == second.name
    third = Holder("pi")
    assert third.name == second.name
    third.close()


def test_without_a_cache_a_name_is_made(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    first, second = Holder("pi"), Holder("pi")
    assert first.name != second.name
    first.close()
    second.close()


def test_a_virtual_board_is_known_by_its_name() -> None:
    entry = BoardEntry("kitchen", "raspberrypi", host="10.0.0.2", user="pi")
    assert address_of(entry, "/home/pi") == "pi@10.0.0.2:22 /home/pi"
    local = BoardEntry("local", "raspberrypi", host="127.0.0.1", port=39217, stand_in=True)
    assert address_of(local, "/x") == "local /x"
