"""The installer under every fault that this machine can make: the short version.

The long one is `make bench-deploy-crash`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from board_home import BoardHome, Json
from conftest import need_or_skip
from crash_model import Disk
from crash_recording import Operation
from crash_scenarios import NEW, OLD, WHEELS, check_all, record, text
from edgekit_runner import wire

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def strace() -> None:
    need_or_skip(shutil.which("strace") is not None, "strace")


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory: thousands of states are written and synced there."""
    memory = Path("/dev/shm")
    folder = tempfile.mkdtemp(dir=memory if memory.is_dir() else tmp_path)
    yield Path(folder) / "states"
    shutil.rmtree(folder)


SCENARIOS = ("install", "upgrade", "repair", "rollback", "gc")


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_legal_state_after_a_power_cut_is_without_a_whole_release(
    name: str, tmp_path: Path, scratch: Path
) -> None:
    recording = record(name, tmp_path)
    for is_sent_durable in (True, False):
        tally = check_all(
            recording,
            scratch,
            limit=24 if is_sent_durable else 4,
            again_every=20,
            is_sent_durable=is_sent_durable,
        )
        assert tally.problems == []
        assert tally.points == len(recording.operations) + 1
        assert tally.checked >= 10
        print(f"{name}: {tally}")


@pytest.mark.parametrize("dropped", ["fsync", "rename"])
def test_an_installer_that_syncs_or_renames_too_little_is_found_out(
    dropped: str, tmp_path: Path, scratch: Path
) -> None:
    """The proof can fail: without its syncs, or writing in place, the same installer does."""
    recording = record("upgrade", tmp_path)
    kept = []
    for operation in recording.operations:
        if dropped == "fsync" and operation.kind in ("fsync", "sync"):
            continue
        if dropped == "rename" and operation.kind == "rename" and operation.other == "apps/cats":
            kept.append(Operation("unlink", operation.other))
        kept.append(operation)
    worse = dataclasses.replace(
        recording, operations=tuple(kept), starts=dict.fromkeys(recording.starts, 0)
    )
    tally = check_all(worse, scratch, limit=20, again_every=10**9, is_sent_durable=True)
    assert tally.problems


def faulty(board: BoardHome, fault: str, command: str, request: object) -> list[Json]:
    prefix = ("strace", "-qq", "-o", str(board.folder / "strace.log"), "-e", f"inject={fault}")
    done = board.start(command, request, prefix=prefix)
    return [json.loads(line) for line in done.stdout.splitlines()]


def upgradable(folder: Path) -> tuple[BoardHome, str]:
    board = BoardHome(folder / "board")
    old = board.deploy(text(OLD, 1), *OLD.values(), *WHEELS.values())
    board.stage(*NEW.values())
    return board, old


def points(folder: Path) -> list[tuple[str, str, int]]:
    """Command, system call and its number for every change that an upgrade makes."""
    recording = record("upgrade", folder)
    borders = sorted(recording.starts.items(), key=lambda item: item[1])
    found = []
    for index, operation in enumerate(recording.operations):
        command = [name for name, start in borders if start <= index][-1]
        found.append((command, operation.call, operation.number))
    return found


def steps(board: BoardHome, request: str) -> list[tuple[str, Json]]:
    names = {"app": "cats", "release": wire.release_id(json.loads(request))}
    return [("install", {"manifest": request}), ("switch", names), ("commit", names)]


def test_killed_between_any_two_system_calls(tmp_path: Path) -> None:
    """Here at every fourth change of an upgrade; at every one in make bench-deploy-crash."""
    for index, (killed, call, number) in enumerate(points(tmp_path / "recorded")[::4]):
        board, old = upgradable(tmp_path / str(index))
        request = text(NEW, 2)
        for command, asked in steps(board, request):
            if command != killed:
                board.call(command, asked)
                continue
            fault = f"{call}:signal=KILL:when={number}"
            events = faulty(board, fault, command, asked)
            assert not events or events[-1]["event"] != "done", (killed, call, number)
            break
        assert board.current() in board.whole_releases()
        board.call("begin", {"holder": "h", "sha256": []})
        assert board.current() in board.whole_releases() & {old, asked.get("release", old)}
        board.call("end", {"holder": "h"})
        assert board.deploy(request, *NEW.values()) in board.whole_releases()


@pytest.mark.parametrize(
    ("call", "error", "code"),
    [
        ("write", "ENOSPC", wire.ERROR_NO_SPACE),
        ("mkdir", "ENOSPC", wire.ERROR_NO_SPACE),
        ("link", "ENOSPC", ""),  # a copy is made instead
        ("rename", "ENOSPC", wire.ERROR_NO_SPACE),
        ("fsync", "EIO", wire.ERROR_STORAGE),
        ("rename", "EIO", wire.ERROR_STORAGE),
        ("write", "EDQUOT", wire.ERROR_NO_SPACE),
    ],
)
def test_a_full_or_failing_disk_leaves_the_old_release(
    call: str, error: str, code: str, tmp_path: Path
) -> None:
    numbers = sorted(
        {n for c, name, n in points(tmp_path / "r") if (c, name) == ("install", call)}
    )
    assert numbers
    chosen = sorted({numbers[0], numbers[len(numbers) // 2], numbers[-1]})
    for number in chosen:
        board, old = upgradable(tmp_path / str(number))
        fault = f"{call}:error={error}:when={number}"
        request = text(NEW, 2)
        last = faulty(board, fault, "install", {"manifest": request})[-1]
        assert last.get("code", "") == code
        assert board.current() == old
        assert old in board.whole_releases()
        assert not list(board.root.rglob("*.part"))
        if code:
            assert not (board.root / wire.STAGING_FOLDER).exists()
        assert board.deploy(request, *NEW.values()) in board.whole_releases()


def test_fsync_that_fails_while_switching_never_confirms(tmp_path: Path) -> None:
    numbers = [n for c, name, n in points(tmp_path / "r") if (c, name) == ("switch", "fsync")]
    for number in numbers:
        board, old = upgradable(tmp_path / str(number))
        (_, install), (_, switch), _ = steps(board, text(NEW, 2))
        board.call("install", install)
        last = faulty(board, f"fsync:error=EIO:when={number}", "switch", switch)[-1]
        assert last["code"] == wire.ERROR_STORAGE
        assert board.current() in board.whole_releases()
        board.call("begin", {"holder": "h", "sha256": []})
        assert board.current() == old


SMALL = [f"size={kib}k" for kib in range(96, 640, 40)]
FEW = [f"size=4m,nr_inodes={count}" for count in range(8, 72, 4)]


@pytest.mark.parametrize("sizes", [SMALL, FEW], ids=["bytes", "inodes"])
def test_a_disk_without_room_or_inodes(sizes: list[str], tmp_path: Path) -> None:
    """A file system of its own that is too small by a little, then by less, until it fits."""
    need_or_skip(os.geteuid() == 0, "root, to mount small file systems")
    outcomes = []
    for number, size in enumerate(sizes):
        home = tmp_path / str(number)
        home.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(home)]
        is_mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
        need_or_skip(is_mounted, "a kernel that lets tests mount")
        try:
            outcomes.append(upgrade_on(home))
        finally:
            subprocess.run(["umount", str(home)], check=True)
    assert set(outcomes) == {"no room for the old one", "kept the old one", "new"}


def upgrade_on(home: Path) -> str:
    big = {**NEW, "model.bin": os.urandom(100_000)}
    try:
        board = BoardHome(home)
        old = board.deploy(text(OLD, 1), *OLD.values(), *WHEELS.values())
    except (OSError, AssertionError):
        return "no room for the old one"
    try:
        new = board.deploy(text(big, 2), *big.values())
    except (OSError, AssertionError):
        board.call("begin", {"holder": "h", "sha256": []})
        assert board.current() == old
        assert old in board.whole_releases()
        return "kept the old one"
    assert board.current() == new
    return "new"


def operations(*lines: str) -> Disk:
    disk = Disk()
    for line in lines:
        kind, path, other = [*line.split(), "", ""][:3]
        data = b"data" if kind == "write" else b""
        disk.apply(Operation(kind, path, other, data))
    return disk


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], 1),
        (["create a"], 2),  # there or not
        (["create a", "write a"], 5),  # not, empty, half, zeroed, whole
        (["create a", "write a", "fsync a"], 2),
        (["create a", "write a", "fsync a", "fsync ."], 1),
        (["create a", "fsync a", "fsync .", "rename a b"], 4),  # either name, both, none
        (["create a", "write a", "sync"], 1),
        (["mkdir d", "create d/a"], 3),
    ],
)
def test_the_model_knows_what_a_disk_may_forget(lines: list[str], expected: int) -> None:
    assert operations(*lines).count() == expected
