"""What the installer does, recorded, and what has to hold whenever the power goes meanwhile."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from board_home import BoardHome, Json, is_whole, manifest, sha256
from crash_model import Disk, State, write_state
from crash_recording import Operation, read_operations, strace_prefix
from edgekit_runner import wire

OLD = {"model.bin": b"old weights " * 9, "card.json": b'{"v": 1}', "runner.pyz": b"runner"}
NEW = {"model.bin": b"new weights " * 9, "card.json": b'{"v": 2}', "runner.pyz": b"runner"}
APP = "cats"
DAMAGED = "card.json"
"""What is not right before the scenario `repair` begins; it never gets worse."""


def wheel() -> bytes:
    """A small wheel."""
    import zipfile
    from io import BytesIO

    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("engine/__init__.py"), "X = 1\n")
        archive.writestr(zipfile.ZipInfo("engine.dist-info/METADATA"), "Name: engine\n")
    return buffer.getvalue()


WHEELS = {"engine.whl": wheel()}


def text(files: dict[str, bytes], counter: int) -> str:
    """A manifest."""
    return wire.canonical(manifest(files, WHEELS, counter=counter))


@dataclass(frozen=True)
class Recording:
    """A scenario: the disk before it, and what happened to it."""

    name: str
    before: Path
    """Copy of ~/.edgekit as it was, durable."""
    staged: tuple[bytes, ...]
    """What the host has sent; nobody has synced it."""
    operations: tuple[Operation, ...]
    starts: dict[str, int]
    """Index of the first operation of each command."""
    old: str
    new: str
    request: str
    """The manifest to deploy again afterwards."""


@dataclass
class Tally:
    """What was checked."""

    points: int = 0
    """Instants at which the power went."""
    legal: int = 0
    """States that the disk could be in, over all instants."""
    checked: int = 0
    """Different ones that were made and recovered."""
    whole_points: int = 0
    """Instants of which every state was checked."""
    problems: list[str] = field(default_factory=list)


def record(name: str, folder: Path) -> Recording:
    """Runs a scenario under strace.

    Args:
        name: install, upgrade, repair, rollback or gc.
        folder: an empty folder for it.
    """
    board = BoardHome(folder / "board")
    old = board.deploy(text(OLD, 1), *OLD.values(), *WHEELS.values()) if name != "install" else ""
    new = wire.release_id(json.loads(text(NEW, 2)))
    if name in ("rollback", "gc"):
        board.deploy(text(NEW, 2), *NEW.values(), *WHEELS.values())
    if name == "gc":
        third = {**NEW, "model.bin": b"third"}
        newest = board.deploy(text(third, 3), *third.values(), *WHEELS.values())
        old, new = newest, newest
    if name == "repair":
        new = old
        path = board.root / wire.RELEASES_FOLDER / APP / old / DAMAGED
        path.chmod(0o644)
        path.write_bytes(b"damaged!")
    board.root.mkdir(exist_ok=True)
    before = folder / "before"
    shutil.copytree(board.root, before, symlinks=True, copy_function=_link)
    wanted = OLD if name == "repair" else NEW
    staged = () if name in ("rollback", "gc") else (*wanted.values(), *WHEELS.values())
    board.stage(*staged)
    request = text(wanted, 1 if name == "repair" else 2)
    names = {"app": APP, "release": new}
    special: dict[str, list[tuple[str, Json]]] = {
        "rollback": [("rollback", {"app": APP, "release": old})],
        "gc": [("gc", {})],
    }
    whole = [("install", {"manifest": request}), ("switch", names), ("commit", names)]
    commands = special.get(name, whole)
    if name == "rollback":
        old, new = new, old
    operations: list[Operation] = []
    starts = {}
    for command, asked in commands:
        log = folder / f"{command}.strace"
        events = board.call(command, asked, prefix=strace_prefix(log))
        assert events[-1]["event"] == "done", events
        starts[command] = len(operations)
        operations += read_operations(log, board.root)
    return Recording(name, before, staged, tuple(operations), starts, old, new, request)


def disk_before(recording: Recording, *, is_sent_durable: bool) -> Disk:
    """The disk when the first command begins: what was sent lies there, durable or not."""
    disk = Disk.of_folder(recording.before)
    if recording.staged:
        disk.apply(Operation("mkdir", wire.STAGING_FOLDER))
    for content in recording.staged:
        path = f"{wire.STAGING_FOLDER}/{sha256(content)}"
        if disk._find(path) is None:
            disk.apply(Operation("create", path))
            disk.apply(Operation("write", path, data=content))
    if is_sent_durable:
        disk.apply(Operation("sync"))
    return disk


def check_all(
    recording: Recording,
    scratch: Path,
    *,
    limit: int,
    again_every: int = 1,
    is_sent_durable: bool = False,
) -> Tally:
    """Cuts the power after every operation, makes the legal states, recovers each.

    Args:
        recording: the scenario.
        scratch: folder for the states, on a fast disk.
        limit: states per instant that are made at most; beyond it they are drawn at random.
        again_every: a deployment afterwards is tried on every n-th state.
        is_sent_durable: False to let what the host sent be in every state, too, which multiplies
            the states of everything else.
    """
    tally = Tally()
    chance = random.Random(1)
    seen: set[tuple[State, bool, bool]] = set()
    disk = disk_before(recording, is_sent_durable=is_sent_durable)
    may_be_new_from = recording.starts.get("switch", recording.starts.get("rollback", 0))
    count = len(recording.operations)
    for index in range(count + 1):
        if index:
            disk.apply(recording.operations[index - 1])
        legal = disk.count()
        tally.points += 1
        tally.legal += legal
        tally.whole_points += legal <= limit
        allowed = {recording.old} if index <= may_be_new_from else {recording.old, recording.new}
        if index == count:
            allowed = {recording.new}
        for state in disk.states(limit, chance):
            key = (state, recording.old in allowed, recording.new in allowed)
            if key in seen:
                continue
            seen.add(key)
            tally.checked += 1
            problem = check_state(
                state, recording, allowed, scratch, again=tally.checked % again_every == 0
            )
            if problem:
                tally.problems.append(f"{recording.name}, after operation {index}: {problem}")
                if len(tally.problems) >= 5:
                    return tally
    return tally


def check_state(
    state: State, recording: Recording, allowed: set[str], scratch: Path, *, again: bool
) -> str:
    """What is wrong with a state after recovery; empty when nothing is."""
    home = scratch / "board"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    write_state(state, home / wire.HOME_FOLDER)
    board = BoardHome.__new__(BoardHome)
    board.folder, board.root = home, home / wire.HOME_FOLDER
    found = board.current(APP)
    but = DAMAGED if recording.name == "repair" else ""
    if found not in allowed and not (found == "" and recording.old == ""):
        return f"{found or 'nothing'} is active, allowed is {sorted(allowed)}"
    if found and found not in board.whole_releases(APP, but=but):
        return f"the active release {found} is not whole"
    events = board.call("begin", {"holder": "after", "sha256": []})
    if events[-1]["event"] != "done":
        return f"recovery failed: {events[-1]}"
    board.call("end", {"holder": "after"})
    found = board.current(APP)
    if found and found not in board.whole_releases(APP, but=but):
        return f"after recovery the active release {found} is not whole"
    if not found and recording.old:
        return "after recovery nothing is active"
    problem = _marks_that_lie(board, but)
    if problem or not again:
        return problem
    wanted = board.deploy(recording.request, *recording.staged, *NEW.values(), *WHEELS.values())
    if board.current(APP) != wanted or wanted not in board.whole_releases(APP):
        return "deploying again does not give a whole release"
    return ""


def _marks_that_lie(board: BoardHome, but: str) -> str:
    for mark in board.root.glob(f"{wire.RELEASES_FOLDER}/*/*/{wire.COMPLETE_MARK}"):
        path = mark.parent
        if len(path.name) == 16 and not is_whole(path, but=but):
            return f"release {path.name} is marked complete and is not"
    for mark in board.root.glob(f"{wire.SITES_FOLDER}/*/{wire.COMPLETE_MARK}"):
        if mark.parent.suffix != ".part" and not (mark.parent / "engine/__init__.py").exists():
            return "unpacked wheels are marked complete and are not"
    return ""


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)
