"""Signatures on the board: who, for what, of which bytes, and not an older one again."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from board_home import BoardHome, make_keys, manifest, sign, text_of
from conftest import need_or_skip
from edgekit_runner import wire
from edgekit_runner.failure import Failure
from edgekit_runner.layout import safe_path
from edgekit_runner.manifest import parse


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_or_skip(shutil.which("ssh-keygen") is not None, "ssh-keygen")
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder, "good", "other")
    return folder


@pytest.fixture
def board(tmp_path: Path, keys: Path) -> BoardHome:
    """A board that has enrolled the key ``good``."""
    made = BoardHome(tmp_path / "board")
    made.call("enrol", {"keys": [public(keys, "good")], "profile": "pi", "replace": False})
    return made


def public(keys: Path, name: str) -> str:
    return " ".join((keys / f"{name}.pub").read_text().split()[:2])


def text(content: bytes = b"m", counter: int = 1, **changes: object) -> str:
    return text_of({"m": content}, **{"counter": counter, "profile": "pi", **changes})


def test_a_signed_release_is_taken(board: BoardHome, keys: Path) -> None:
    release = board.deploy(text(), b"m", signature=sign(keys / "good", text()))
    listed = board.call("releases", {})[0]
    assert (listed["release"], listed["is_signed"], listed["counter"]) == (release, True, 1)


@pytest.mark.parametrize(
    "case", ["unsigned", "other key", "other namespace", "other text", "garbage"]
)
def test_what_is_not_signed_for_this_is_refused(board: BoardHome, keys: Path, case: str) -> None:
    signatures: dict[str, Callable[[], str]] = {
        "unsigned": lambda: "",
        "other key": lambda: sign(keys / "other", text()),
        "other namespace": lambda: sign(keys / "good", text(), namespace="file"),
        "other text": lambda: sign(keys / "good", text(b"n")),
        "garbage": lambda: "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n",
    }
    board.stage(b"m")
    request = {"manifest": text(), "signature": signatures[case]()}
    assert board.code("install", request) == wire.ERROR_SIGNATURE
    assert not (board.root / wire.RELEASES_FOLDER).exists()


def test_an_older_counter_is_a_replay(board: BoardHome, keys: Path) -> None:
    def request(counter: int, content: bytes) -> dict[str, str]:
        board.stage(content)
        wanted = text(content, counter)
        return {"manifest": wanted, "signature": sign(keys / "good", wanted)}

    board.deploy(text(b"5", 5), b"5", signature=sign(keys / "good", text(b"5", 5)))
    assert board.code("install", request(4, b"4")) == wire.ERROR_REPLAY
    assert board.code("install", request(5, b"x")) == wire.ERROR_REPLAY
    assert board.call("install", request(5, b"5"))[-1]["event"] == "done"
    # neither removing the state nor rolling back opens the door
    board.deploy(text(b"6", 6), b"6", signature=sign(keys / "good", text(b"6", 6)))
    board.call("rollback", {"app": "cats"})
    assert board.code("install", request(5, b"y")) == wire.ERROR_REPLAY
    (board.root / wire.STATES_FOLDER / "cats.json").unlink()
    assert board.code("install", request(4, b"4")) == wire.ERROR_REPLAY


def test_a_release_for_another_kind_of_board_is_refused(board: BoardHome, keys: Path) -> None:
    wanted = text(profile="jetson")
    board.stage(b"m")
    request = {"manifest": wanted, "signature": sign(keys / "good", wanted)}
    assert board.code("install", request) == wire.ERROR_MISMATCH


def test_mixed_bundles_are_refused(board: BoardHome, keys: Path) -> None:
    """Files of one signed release under the manifest of another."""
    wanted = text(b"one")
    board.stage(b"two")
    staging = board.root / wire.STAGING_FOLDER
    next(staging.iterdir()).rename(staging / parse(wanted).files[0][1])
    request = {"manifest": wanted, "signature": sign(keys / "good", wanted)}
    assert board.code("install", request) == wire.ERROR_HASH_MISMATCH


def test_every_tampered_region_is_found_before_the_switch(board: BoardHome, keys: Path) -> None:
    """One flipped bit in each file of the release folder, after it was installed and checked."""
    wanted = text_of({"m": b"m" * 999, "card.json": b"{}"}, counter=1, profile="pi")
    board.stage(b"m" * 999, b"{}")
    request = {"manifest": wanted, "signature": sign(keys / "good", wanted)}
    installed = board.call("install", request)[0]
    folder = Path(installed["path"])
    names = {"app": "cats", "release": installed["release"]}
    tried = 0
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.stat().st_size):
        original = path.read_bytes()
        path.chmod(0o644)
        for offset in {0, len(original) // 2, len(original) - 2}:
            path.write_bytes(flipped(original, offset))
            code = board.code("switch", names)
            assert code in (wire.ERROR_HASH_MISMATCH, wire.ERROR_SIGNATURE, wire.ERROR_BAD_REQUEST)
            tried += 1
        path.write_bytes(original)
    assert tried >= 10
    assert board.current() == ""
    assert board.call("switch", names)[-1]["event"] == "done"


def flipped(data: bytes, offset: int) -> bytes:
    return data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :]


def test_keys_can_be_added_replaced_and_removed(board: BoardHome, keys: Path) -> None:
    other = public(keys, "other")
    assert len(board.call("enrol", {"keys": [other], "replace": False})[0]["keys"]) == 2
    assert board.call("enrol", {"keys": [other], "replace": True})[0]["keys"] == [other]
    board.stage(b"m")
    request = {"manifest": text(), "signature": sign(keys / "good", text())}
    assert board.code("install", request) == wire.ERROR_SIGNATURE
    assert board.call("enrol", {"keys": [], "replace": True})[0]["keys"] == []
    assert board.call("install", {"manifest": text()})[-1]["event"] == "done"


@pytest.mark.parametrize("key", ["ssh-rsa AAAA", "x", 'ssh-ed25519 AAAA" namespaces="*', "a\nb c"])
def test_what_is_no_public_key_is_not_enrolled(board: BoardHome, key: str) -> None:
    assert board.code("enrol", {"keys": [key], "replace": True}) == wire.ERROR_BAD_REQUEST


def test_the_anchor_is_what_ssh_keygen_reads(board: BoardHome, keys: Path) -> None:
    anchor = board.root / wire.TRUST_FOLDER / wire.SIGNERS_FILE
    (board.folder / "sig").write_text(sign(keys / "good", "hello"))
    argv = ["ssh-keygen", "-Y", "verify", "-f", str(anchor), "-I", wire.SIGNER]
    argv += ["-n", wire.NAMESPACE, "-s", str(board.folder / "sig")]
    assert subprocess.run(argv, input=b"hello", check=False, capture_output=True).returncode == 0


HOSTILE = st.one_of(
    st.text(max_size=40),
    st.integers(),
    st.none(),
    st.booleans(),
    st.floats(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)


@settings(max_examples=300)
@given(st.sampled_from(sorted(manifest({"m": b"m"}))), HOSTILE)
def test_hostile_fields_never_get_past_the_parser(field: str, value: object) -> None:
    document = manifest({"m": b"m"}) | {field: value}
    try:
        found = parse(json.dumps(document, sort_keys=True, separators=(",", ":")))
    except Failure as failure:
        assert failure.code == wire.ERROR_BAD_REQUEST
    else:
        for path, _, _ in found.files:
            assert safe_path(path) == path
        assert found.counter >= 0


@settings(max_examples=300)
@given(st.text(max_size=80))
def test_hostile_paths_stay_inside(path: str) -> None:
    try:
        found = parse(wire.canonical(manifest({path: b"m"})))
    except Failure:
        return
    assert Path("/base", found.files[0][0]).resolve().is_relative_to("/base")
    assert "\x00" not in path


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_no_text_breaks_the_parser(content: str) -> None:
    with pytest.raises(Failure):
        parse(content)


PATHS = [
    ["a", "A"],
    ["a", "a/b"],
    ["\u00e9", "e\u0301"],
    [wire.COMPLETE_MARK.lower()],
    [wire.MANIFEST_FILE],
    ["../x"],
    ["/x"],
    ["a//b"],
    ["."],
    ["a\nb"],
    ["a\\b"],
    ["x" * 300],
    ["\ud800"],
    ["a\u202eb"],
]


@pytest.mark.parametrize("paths", PATHS)
def test_paths_that_clash_or_leave_are_refused(paths: list[str]) -> None:
    document = manifest({"unused": b""})
    entry = document["files"][0]
    document["files"] = [dict(entry, path=path) for path in paths]
    with pytest.raises(Failure):
        parse(wire.canonical(document))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"app":"cats"', '"app":"cats","app":"dogs"'),
        lambda text: text.replace(",", ", "),
        lambda text: text.replace('"counter":0', '"counter":-1'),
        lambda text: text.replace('"counter":0', '"counter":1e3'),
        lambda text: text.replace('"counter":0', '"counter":99999999999999999'),
        lambda text: text.replace('"size_bytes":1', '"size_bytes":99999999999'),
        lambda text: text + " ",
        lambda text: "[" * 100_000,
    ],
)
def test_other_spellings_and_sizes_are_refused(change: object) -> None:
    assert callable(change)
    with pytest.raises(Failure):
        parse(change(text_of({"m": b"m"})))
