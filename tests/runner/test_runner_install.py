"""Installing on a board: what is refused, what is repaired, what stays."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from board_home import BoardHome, manifest, sha256, text_of
from edgekit_runner import wire

WEIGHTS = b"weights" * 1000


@pytest.fixture
def board(tmp_path: Path) -> BoardHome:
    return BoardHome(tmp_path / "board")


def wheel(members: dict[str, str], *, mode: int = 0o644) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, text)
    return buffer.getvalue()


def test_install_switch_commit(board: BoardHome) -> None:
    text = text_of({"model.bin": WEIGHTS})
    board.stage(WEIGHTS)
    installed = board.call("install", {"manifest": text})[0]
    assert Path(installed["path"], "model.bin").read_bytes() == WEIGHTS
    assert board.current() == ""
    names = {"app": "cats", "release": installed["release"]}
    assert board.call("switch", names)[0]["previous"] == ""
    listed = board.call("releases", {})[0]
    assert (listed["is_current"], listed["is_confirmed"]) == (True, False)
    board.call("commit", names)
    assert board.call("releases", {})[0]["is_confirmed"]
    assert not (board.root / wire.STAGING_FOLDER).exists()


def test_what_arrived_damaged_is_refused_and_not_kept(board: BoardHome) -> None:
    board.stage(WEIGHTS)
    staged = board.root / wire.STAGING_FOLDER / sha256(WEIGHTS)
    staged.write_bytes(b"x" + WEIGHTS[1:])
    request = {"manifest": text_of({"m": WEIGHTS})}
    assert board.code("install", request) == wire.ERROR_HASH_MISMATCH
    assert not staged.exists()
    assert not (board.root / wire.RELEASES_FOLDER).exists()


def test_what_was_not_sent_is_named_and_nothing_half_built_stays(board: BoardHome) -> None:
    board.stage(WEIGHTS)
    text = wire.canonical(manifest({"m": WEIGHTS}, {"e.whl": b"never sent"}))
    assert board.code("install", {"manifest": text}) == wire.ERROR_MISSING_BLOB
    assert not list(board.root.rglob("*.part"))


def test_a_damaged_release_is_repaired_in_place(board: BoardHome) -> None:
    text = text_of({"a/model.bin": WEIGHTS, "card.json": b"{}"})
    release = board.deploy(text, WEIGHTS, b"{}")
    path = board.root / wire.RELEASES_FOLDER / "cats" / release / "a" / "model.bin"
    path.chmod(0o644)
    path.write_bytes(b"z" + WEIGHTS[1:])  # the same inode as the blob in the store
    assert board.code("switch", {"app": "cats", "release": release}) == wire.ERROR_HASH_MISMATCH
    assert board.call("have", {"sha256": [sha256(WEIGHTS)]})[0]["sha256"] == []
    assert board.deploy(text, WEIGHTS) == release
    assert board.whole_releases() == {release}


@pytest.mark.parametrize(
    "members",
    [{"../../evil.py": "boom"}, {"/evil.py": "boom"}, {wire.COMPLETE_MARK: ""}],
)
def test_a_wheel_that_leaves_its_folder_is_refused(
    board: BoardHome, members: dict[str, str]
) -> None:
    data = wheel(members)
    board.stage(b"m", data)
    text = wire.canonical(manifest({"m": b"m"}, {"e.whl": data}))
    assert board.code("install", {"manifest": text}) == wire.ERROR_BAD_REQUEST
    assert not list(board.folder.parent.rglob("evil.py"))


@pytest.mark.parametrize("mode", [0o120777, 0o060644, 0o010644])
def test_a_wheel_with_links_or_devices_is_refused(board: BoardHome, mode: int) -> None:
    data = wheel({"engine.py": "/etc/passwd"}, mode=mode)
    board.stage(b"m", data)
    text = wire.canonical(manifest({"m": b"m"}, {"e.whl": data}))
    assert board.code("install", {"manifest": text}) == wire.ERROR_BAD_REQUEST


def test_wheels_are_unpacked_once_and_repaired(board: BoardHome) -> None:
    data = wheel(
        {"engine.py": "X = 1\n", "engine.data/purelib/more.py": "", "e.data/scripts/s": ""}
    )
    text = wire.canonical(manifest({"m": b"m"}, {"e.whl": data}))
    release = board.deploy(text, b"m", data)
    site = next((board.root / wire.SITES_FOLDER).iterdir())
    assert {p.name for p in site.iterdir()} == {"engine.py", "more.py", wire.COMPLETE_MARK}
    (site / "engine.py").write_text("X = 2\n")
    names = {"app": "cats", "release": release}
    assert board.code("switch", names) == wire.ERROR_HASH_MISMATCH
    assert board.deploy(text) == release
    assert (site / "engine.py").read_text() == "X = 1\n"


@pytest.mark.parametrize(("field", "value"), [("arch", "riscv64"), ("python_abi", "cp38")])
def test_a_release_for_another_board_is_refused(board: BoardHome, field: str, value: str) -> None:
    board.stage(b"m")
    request = {"manifest": text_of({"m": b"m"}, **{field: value})}
    assert board.code("install", request) == wire.ERROR_MISMATCH


def test_rollback_goes_to_the_previous_release_and_forth_again(board: BoardHome) -> None:
    old = board.deploy(text_of({"m": b"old"}), b"old")
    new = board.deploy(text_of({"m": b"new"}), b"new")
    done = board.call("rollback", {"app": "cats"})[0]
    assert (done["release"], done["previous"], board.current()) == (old, new, old)
    assert board.call("rollback", {"app": "cats"})[0]["release"] == new


def test_rollback_never_takes_a_damaged_release(board: BoardHome) -> None:
    old = board.deploy(text_of({"m": b"old"}), b"old")
    new = board.deploy(text_of({"m": b"new"}), b"new")
    path = board.root / wire.RELEASES_FOLDER / "cats" / old / "m"
    path.unlink()
    assert board.code("rollback", {"app": "cats"}) == wire.ERROR_HASH_MISMATCH
    assert board.current() == new


def test_there_is_nothing_to_go_back_to(board: BoardHome) -> None:
    board.deploy(text_of({"m": b"only"}), b"only")
    assert board.code("rollback", {"app": "cats"}) == wire.ERROR_NO_RELEASE


def test_gc_keeps_current_and_previous_of_every_application(board: BoardHome) -> None:
    ids = [board.deploy(text_of({"m": b"%d" % i}), b"%d" % i) for i in range(4)]
    other = board.deploy(text_of({"m": b"1"}, app="dogs"), b"1")
    planned = board.call("gc", {"dry_run": True})[0]["removed"]
    assert board.whole_releases() == set(ids)
    done = board.call("gc", {})[0]["removed"]
    assert done == planned
    assert board.whole_releases() == set(ids[2:])
    assert board.whole_releases("dogs") == {other}
    blobs = {path.name for path in (board.root / wire.STORE_FOLDER).iterdir()}
    assert blobs == {sha256(b"1"), sha256(b"2"), sha256(b"3")}
    assert board.call("gc", {})[0]["removed"] == []


def test_a_release_that_was_never_confirmed_goes_back(board: BoardHome) -> None:
    old = board.deploy(text_of({"m": b"old"}), b"old")
    board.stage(b"new")
    new = board.call("install", {"manifest": text_of({"m": b"new"})})[0]["release"]
    board.call("switch", {"app": "cats", "release": new})
    assert board.current() == new
    events = board.call("begin", {"holder": "h", "who": "me", "sha256": []})
    assert events[0]["event"] == "recovered"
    assert board.current() == old


def test_a_link_that_leads_nowhere_is_led_back(board: BoardHome) -> None:
    release = board.deploy(text_of({"m": b"m"}), b"m")
    (board.root / wire.APPS_FOLDER / "cats").unlink()
    board.call("begin", {"holder": "h", "who": "me", "sha256": []})
    assert board.current() == release


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pending": 3}', b"\xff\x00"])
def test_a_damaged_state_is_no_obstacle(board: BoardHome, content: bytes) -> None:
    old = board.deploy(text_of({"m": b"old"}), b"old")
    (board.root / wire.STATES_FOLDER / "cats.json").write_bytes(content)
    assert board.call("survey", {"app": "cats"})[2]["release"] == old
    assert board.deploy(text_of({"m": b"new"}), b"new") == board.current()


def test_a_partial_transfer_is_told_block_by_block(board: BoardHome) -> None:
    data = bytes(range(256)) * (wire.PREFIX_BLOCK_BYTES // 256) + b"tail"
    board.stage(data)
    events = board.call("have", {"sha256": [sha256(data)]})
    blocks = [sha256(data[: wire.PREFIX_BLOCK_BYTES]), sha256(b"tail")]
    assert events[1] == {
        "event": "staged",
        "sha256": sha256(data),
        "size": len(data),
        "blocks": blocks,
    }
    request = {"holder": "h", "sha256": sha256(data), "size": 5}
    board.call("begin", {"holder": "h", "sha256": [sha256(data)]})
    board.call("trim", request)
    staged = board.root / wire.STAGING_FOLDER / sha256(data)
    assert staged.read_bytes() == data[:5]
    board.call("begin", {"holder": "h", "sha256": []})
    assert not staged.exists()
