"""Plans, wheels and the inventory: everything about a deployment that needs no board."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from edgekit.boards.deploy import app_name, load_card, require_space
from edgekit.boards.deploy_plan import BoardState, bundle_id, make_plan, needed_bytes
from edgekit.boards.inventory import add_board, list_boards, load_board, remove_board
from edgekit.boards.wheelhouse import platform_tags, why_impossible
from edgekit.core.artifact import FileEntry
from edgekit.core.board import BoardEntry, BoardFacts
from edgekit.core.deploy import Action, Bundle, Wheel
from edgekit.core.errors import ConfigError, DiskFull
from edgekit.core.record import Unavailable
from samples import echo_artifact

FACTS = BoardFacts(
    hostname="pi",
    arch="aarch64",
    kernel_arch="aarch64",
    kernel="6.6",
    os_name="Debian 12",
    libc="glibc-2.36",
    python="3.11.2",
    python_abi="cp311",
    cpu_model="cortex-a72",
    cpu_features=("asimd",),
    cpu_count=4,
    ram_mb=4000,
    ram_available_mb=3000,
    disk_free_mb=10_000,
    board_model="Raspberry Pi 4 Model B",
    governor="ondemand",
    clock_mhz=1500.0,
    max_clock_mhz=1800.0,
    temperature_c=50.0,
    throttled="0x0",
    engines={},
    probed_utc="2026-11-24T12:00:00Z",
    elapsed_ms=9.0,
)
BUNDLE = Bundle(
    "cats",
    "litert",
    "2.3.0",
    "aarch64",
    "cp311",
    (FileEntry("model.tflite", "a" * 64, 5_000_000), FileEntry("card.json", "b" * 64, 4_000)),
    (Wheel("ai_edge_litert.whl", "c" * 64, 14_000_000),),
)
EVERYTHING = frozenset({"a" * 64, "b" * 64, "c" * 64})


def actions(state: BoardState, *, has_golden: bool = True) -> list[Action]:
    plan = make_plan(BUNDLE, state, board="pi", has_golden=has_golden)
    return [step.action for step in plan.steps]


def test_an_empty_board_gets_everything() -> None:
    state = BoardState(frozenset(), "", frozenset())
    assert actions(state) == [Action.UPLOAD] * 3 + [Action.INSTALL, Action.CHECK, Action.SWITCH]
    plan = make_plan(BUNDLE, state, board="pi", has_golden=True)
    assert plan.upload_bytes == 19_004_000
    assert needed_bytes(BUNDLE, frozenset()) == 19_004_000 + 3 * 14_000_000


def test_wheels_that_are_there_are_not_sent_again() -> None:
    state = BoardState(frozenset({"c" * 64}), "old", frozenset({"old"}))
    assert actions(state) == [Action.UPLOAD] * 2 + [Action.INSTALL, Action.CHECK, Action.SWITCH]


def test_an_active_release_needs_nothing() -> None:
    release = bundle_id(BUNDLE)
    assert actions(BoardState(EVERYTHING, release, frozenset({release}))) == []


def test_a_release_that_is_complete_but_not_active_is_checked_and_switched() -> None:
    release = bundle_id(BUNDLE)
    state = BoardState(EVERYTHING, "other", frozenset({release, "other"}))
    assert actions(state) == [Action.CHECK, Action.SWITCH]
    assert actions(state, has_golden=False) == [Action.SWITCH]


def test_a_release_whose_blob_was_damaged_is_built_again() -> None:
    release = bundle_id(BUNDLE)
    state = BoardState(EVERYTHING - {"a" * 64}, release, frozenset({release}))
    assert actions(state) == [Action.UPLOAD, Action.INSTALL]


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
    tags = platform_tags(FACTS)
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


def test_a_full_board_is_known_before_anything_is_sent() -> None:
    facts = dataclasses.replace(FACTS, disk_free_mb=20)
    empty = BoardState(frozenset(), "", frozenset())
    with pytest.raises(DiskFull, match="nothing was sent"):
        require_space(BUNDLE, empty, facts)
    require_space(BUNDLE, BoardState(EVERYTHING, "", frozenset({bundle_id(BUNDLE)})), facts)
    require_space(BUNDLE, empty, FACTS)


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
