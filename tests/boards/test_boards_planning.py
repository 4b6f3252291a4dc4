"""Plans, wheels and the inventory: everything about a deployment that needs no board."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from edgekit.boards.artifact_folder import app_name, load_card
from edgekit.boards.bundling import Release
from edgekit.boards.deploy_plan import (
    Active,
    Ground,
    Wanted,
    bundle_id,
    is_satisfied,
    make_plan,
    needed_bytes,
    upload_order,
)
from edgekit.boards.inventory import add_board, list_boards, load_board, remove_board
from edgekit.boards.preflight import require_ground, require_signature, require_space
from edgekit.boards.target import target_of_board
from edgekit.boards.wheelhouse import platform_tags, why_impossible
from edgekit.core.artifact import FileEntry
from edgekit.core.board import BoardEntry
from edgekit.core.deploy import Action, Bundle, Wheel
from edgekit.core.errors import BoardError, BoardMismatch, ConfigError
from edgekit.core.record import Unavailable
from samples import artifact_card, board_facts, echo_artifact

FACTS = board_facts()
BUNDLE = Bundle(
    "cats",
    "litert",
    "2.3.0",
    "aarch64",
    "cp311",
    "glibc-2.36",
    "raspberrypi-4b",
    7,
    (FileEntry("model.tflite", "a" * 64, 5_000_000), FileEntry("card.json", "b" * 64, 4_000)),
    (Wheel("ai_edge_litert.whl", "c" * 64, 14_000_000),),
)
CARD = artifact_card()
EVERYTHING = frozenset({"a" * 64, "b" * 64, "c" * 64})


NOTHING = Active("", "", "", False, True, False, 0, (), "", "")
GROUND = Ground(10**10, 100_000, False, True, (), True, True, ("ssh-ed25519 AAAA",), "", None)
ENTRY = BoardEntry("pi", "raspberrypi-4b", "10.0.0.2")


def actions(
    present: frozenset[str] = frozenset(), *, satisfied: bool = False, **wanted: bool
) -> list[Action]:
    asked = Wanted(BUNDLE, **({"has_golden": True} | wanted))
    plan = make_plan(asked, NOTHING, present, board="pi", satisfied=satisfied)
    return [step.action for step in plan.steps]


LATER = [Action.SWITCH, Action.HEALTH, Action.COMMIT]


def test_an_empty_board_gets_everything() -> None:
    assert actions() == [*[Action.UPLOAD] * 3, Action.INSTALL, Action.CHECK, *LATER]
    plan = make_plan(Wanted(BUNDLE, True), NOTHING, frozenset(), board="pi", satisfied=False)
    assert plan.upload_bytes == 19_004_000
    assert needed_bytes(BUNDLE, frozenset()) == 19_004_000 + 3 * 14_000_000


def test_what_is_there_is_not_sent_again() -> None:
    wheels = frozenset({"c" * 64})
    assert actions(wheels) == [*[Action.UPLOAD] * 2, Action.INSTALL, Action.CHECK, *LATER]
    assert actions(EVERYTHING, has_golden=False) == [Action.INSTALL, *LATER]
    assert actions(EVERYTHING, has_gate=True) == [
        Action.INSTALL,
        Action.CHECK,
        Action.GATE,
        *LATER,
    ]


def test_small_files_go_first() -> None:
    assert list(upload_order(BUNDLE, frozenset())) == ["b" * 64, "a" * 64, "c" * 64]


def test_an_active_release_needs_nothing() -> None:
    assert actions(satisfied=True) == []
    assert actions(satisfied=True, has_gate=True) == [Action.GATE]


ACTIVE = dataclasses.replace(
    NOTHING, release="r", is_signed=True, is_confirmed=True, is_intact=True
)


@pytest.mark.parametrize(
    ("change", "content", "is_signed", "expected"),
    [
        ({}, "x", True, True),
        ({}, "y", True, False),
        ({"release": ""}, "x", True, False),
        ({"is_confirmed": False}, "x", True, False),
        ({"is_intact": False}, "x", True, False),
        ({"is_signed": False}, "x", True, False),
        ({"is_signed": False}, "x", False, True),
    ],
)
def test_when_nothing_is_to_be_done(
    change: dict[str, object], content: str, is_signed: bool, expected: bool
) -> None:
    active = dataclasses.replace(ACTIVE, **change)  # type: ignore[arg-type]  # tests name fields
    assert is_satisfied(content, active, "x", is_signed=is_signed) is expected


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"is_writable": False}, BoardError, "cannot be written"),
        ({"is_noexec": True}, BoardMismatch, "noexec"),
        ({"missing_modules": ("contextvars",)}, BoardMismatch, "lacks contextvars"),
    ],
)
def test_a_board_that_cannot_work_is_refused_before_anything_is_sent(
    change: dict[str, object], error: type[Exception], words: str
) -> None:
    ground = dataclasses.replace(GROUND, **change)  # type: ignore[arg-type]  # tests name fields
    with pytest.raises(error, match=words) as caught:
        require_ground(ENTRY, ground, has_wheels=True)
    assert "nothing was sent" in str(caught.value)


def test_an_engine_without_wheels_needs_no_whole_python() -> None:
    ground = dataclasses.replace(GROUND, is_noexec=True, missing_modules=("ctypes",))
    require_ground(ENTRY, ground, has_wheels=False)


def test_a_board_that_would_refuse_the_signature_is_told_before() -> None:
    release = a_release()
    with pytest.raises(BoardMismatch, match="signed releases only"):
        require_signature(ENTRY, GROUND, release)
    signed = dataclasses.replace(release, signature="x")
    require_signature(ENTRY, GROUND, signed)
    with pytest.raises(BoardMismatch, match="no ssh-keygen"):
        require_signature(ENTRY, dataclasses.replace(GROUND, has_ssh_keygen=False), signed)
    require_signature(ENTRY, dataclasses.replace(GROUND, keys=()), release)


def a_release(size_bytes: int = 5_000_000) -> Release:
    return Release(BUNDLE, dataclasses.replace(CARD, size_bytes=size_bytes), {})


def test_the_release_id_depends_on_content_only() -> None:
    changed = dataclasses.replace(BUNDLE, engine_version="2.4.0")
    assert bundle_id(BUNDLE) == bundle_id(dataclasses.replace(BUNDLE))
    assert bundle_id(changed) != bundle_id(BUNDLE)


@pytest.mark.parametrize(
    ("engine", "change", "reason"),
    [
        ("litert", {}, ""),
        ("litert", {"arch": "armv7l"}, "tflite_runtime only"),
        ("tflite_runtime", {"arch": "armv7l"}, ""),
        ("tflite_runtime", {"python": "3.13.1"}, "3.11"),
        ("openvino", {"libc": "glibc-2.28"}, "2.31"),
        ("openvino", {"libc": "glibc-2.36"}, ""),
        ("onnxruntime", {"libc": "musl"}, "glibc"),
        ("onnxruntime", {"arch": "riscv64"}, "riscv64"),
        ("litert", {"python": "3.8.10"}, "3.8"),
        ("tensorrt", {}, ""),
        ("caffe", {}, "not installed from wheels"),
        ("echo", {"libc": "musl"}, ""),
    ],
)
def test_impossible_engines_are_known_before_anything_is_fetched(
    engine: str, change: dict[str, str], reason: str
) -> None:
    facts = dataclasses.replace(FACTS, **change)  # type: ignore[arg-type]  # strings only
    found = why_impossible(engine, facts)
    assert (reason in found) if reason else found == ""


def test_every_platform_tag_up_to_the_boards_glibc() -> None:
    tags = platform_tags(target_of_board(FACTS))
    assert tags[0] == "manylinux_2_36_aarch64"
    assert "manylinux_2_28_aarch64" in tags
    assert "manylinux2014_aarch64" in tags
    assert not any("_37_" in tag for tag in tags)


def entry(name: str) -> BoardEntry:
    return BoardEntry(name, "raspberrypi-4b", "10.0.0.2", user="pi", tags=("a", 'quo"te'))


def test_inventory_round_trip_keeps_comments(tmp_path: Path) -> None:
    path = tmp_path / "boards.toml"
    path.write_text("# our boards\n")
    add_board(entry("one"), inventory=path)
    add_board(entry("two"), inventory=path)
    assert load_board("one", inventory=path) == entry("one")
    remove_board("one", inventory=path)
    assert [board.name for board in list_boards(path)] == ["two"]
    assert path.read_text().startswith("# our boards\n")


def test_a_name_twice_and_an_unknown_name(tmp_path: Path) -> None:
    path = tmp_path / "boards.toml"
    add_board(entry("kitchen-pi"), inventory=path)
    with pytest.raises(ConfigError, match="already"):
        add_board(entry("kitchen-pi"), inventory=path)
    with pytest.raises(ConfigError) as caught:
        load_board("kitchn-pi", inventory=path)
    assert "kitchen-pi" in caught.value.hint


def test_a_written_out_board_needs_no_inventory() -> None:
    found = load_board("pi@10.0.0.2:2222", profile="raspberrypi-5")
    assert (found.user, found.host, found.port, found.profile) == (
        "pi",
        "10.0.0.2",
        2222,
        "raspberrypi-5",
    )


@pytest.mark.parametrize("text", ["[[boards]]\nname='x'\n", "boards = 3", "[[bords]]\n", "x ="])
def test_a_wrong_inventory_says_what_is_wrong(tmp_path: Path, text: str) -> None:
    path = tmp_path / "boards.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="boards.toml"):
        list_boards(path)


def test_facts_can_be_unavailable() -> None:
    facts = dataclasses.replace(FACTS, disk_free_mb=Unavailable("no statvfs"))
    assert isinstance(facts.disk_free_mb, Unavailable)


@pytest.mark.parametrize(
    ("ground", "facts", "words"),
    [
        ({"free_bytes": 20_000_000}, {}, "20.0 MB free"),
        ({"free_inodes": 100}, {}, "room for 100"),
        ({}, {"ram_available_mb": 4}, "of memory are free"),
    ],
)
def test_what_does_not_fit_is_known_before_anything_is_sent(
    ground: dict[str, object], facts: dict[str, object], words: str
) -> None:
    changed = dataclasses.replace(GROUND, **ground)  # type: ignore[arg-type]  # tests name fields
    board = dataclasses.replace(FACTS, **facts)  # type: ignore[arg-type]  # tests name fields
    with pytest.raises(BoardError, match=words) as caught:
        require_space(ENTRY, changed, board, a_release(), frozenset())
    assert "nothing was sent" in str(caught.value)
    require_space(ENTRY, GROUND, FACTS, a_release(), frozenset())
    if "ram_available_mb" not in facts:
        require_space(ENTRY, changed, board, a_release(), EVERYTHING)


def test_a_file_system_without_an_inode_table_has_no_limit() -> None:
    ground = dataclasses.replace(GROUND, free_inodes=None)
    require_space(ENTRY, ground, FACTS, a_release(), frozenset())


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../../b"])
def test_a_card_that_names_files_outside_is_refused(tmp_path: Path, name: str) -> None:
    folder = echo_artifact(tmp_path / "a")
    card = json.loads((folder / "card.json").read_text())
    card["files"].append({"path": name, "sha256": "0" * 64, "size_bytes": 1})
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ConfigError, match="outside the artifact"):
        load_card(folder)


def test_names_of_models_become_names_of_applications() -> None:
    assert app_name("my model (v2)") == "my-model-v2"
    assert app_name("../../x") == "x"
    assert app_name("\n") == "model"
