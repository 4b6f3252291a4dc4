"""Differences between versions of a model: what they spare, and that they never give anything else."""

from __future__ import annotations

import json
import random
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from board_home import BoardHome, sha256, text_of
from edgekit.boards import difference as difference_module
from edgekit.boards import sent_files
from edgekit.boards.difference import is_worth_it, make_difference, try_difference
from edgekit.boards.sources import BytesSource
from edgekit.boards.tensor_map import find_tensors
from edgekit_runner import delta, wire
from edgekit_runner.failure import Failure


def applied(old: bytes, difference: bytes, size: int, folder: Path) -> bytes:
    (folder / "old").write_bytes(old)
    (folder / "difference").write_bytes(difference)
    delta.apply(str(folder / "old"), str(folder / "difference"), str(folder / "new"), size)
    return (folder / "new").read_bytes()


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def onnx(tensors: dict[str, bytes], note: str = "", kind: int = 3) -> bytes:
    """A model file as protobuf lays it out: a note, then initializers."""

    def field(number: int, data: bytes) -> bytes:
        return varint(number << 3 | 2) + varint(len(data)) + data

    def tensor(name: str, raw: bytes) -> bytes:
        return varint(2 << 3) + varint(kind) + field(8, name.encode()) + field(9, raw)

    graph = b"".join(field(5, tensor(name, raw)) for name, raw in tensors.items())
    return field(6, note.encode()) + field(7, graph)


def weights(count: int, seed: int) -> bytes:
    chance = random.Random(seed)
    return bytes(int(chance.gauss(0, 20)) & 0xFF for _ in range(count))


def jittered(data: bytes, seed: int) -> bytes:
    chance = random.Random(seed)
    return bytes((value + chance.choice((-1, 0, 0, 1))) & 0xFF for value in data)


OLD = onnx({"a": weights(40_000, 1), "b": weights(20_000, 2), "gone": weights(999, 3)})


def test_tensors_are_found_by_name() -> None:
    found = find_tensors(OLD)
    assert [(r.name, r.length, r.element_bytes) for r in found] == [
        ("a", 40_000, 1),
        ("b", 20_000, 1),
        ("gone", 999, 1),
    ]
    assert OLD[found[1].offset :][:20_000] == weights(20_000, 2)


def test_a_fine_tuned_model_is_a_small_difference(tmp_path: Path) -> None:
    """Every weight moved by one at most, a longer header, one tensor more, one less."""
    tensors = {
        "a": jittered(weights(40_000, 1), 4),
        "new": weights(500, 5),
        "b": jittered(weights(20_000, 2), 6),
    }
    new = onnx(tensors, note="fine-tuned " * 9)
    difference = make_difference(OLD, new)
    assert len(difference) < 0.35 * len(new)
    assert is_worth_it(difference, len(new))
    assert applied(OLD, difference, len(new), tmp_path) == new


def test_what_has_nothing_in_common_is_not_worth_it() -> None:
    new = onnx({"other": random.Random(1).randbytes(50_000)})
    assert not is_worth_it(make_difference(OLD, new), len(new))


def test_what_does_not_pack_costs_no_packing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packing 200 MB that do not pack would take longer than sending them."""

    def refuse(*arguments: object, **options: object) -> tuple[bytes, str]:
        raise AssertionError("it was packed")

    old, new = (random.Random(seed).randbytes(2_000_000) for seed in (1, 2))
    with monkeypatch.context() as patch:
        patch.setattr(difference_module, "pack", refuse)
        assert try_difference(old, new, is_slow=False) is None
        assert try_difference(b"", new, is_slow=True) is None
    found = try_difference(old, jittered(old, 3), is_slow=False)
    assert found
    assert len(found) < 0.5 * len(old)
    assert b'"gzip"' in found[:200]


@pytest.mark.parametrize("width", [2, 4])
def test_numbers_whose_low_bytes_do_not_pack_are_worth_it(tmp_path: Path, width: int) -> None:
    """Samples that hit nothing but one plane of the bytes would say that they are not."""
    chance = random.Random(width)
    old = array("I" if width == 4 else "H", (chance.randrange(1 << 14) for _ in range(600_000)))
    new = array(old.typecode, (value + chance.randrange(256) for value in old))
    before, after = (onnx({"w": side.tobytes()}, kind=1) for side in (old, new))
    found = try_difference(before, after, is_slow=False)
    assert found
    assert len(found) < 0.8 * len(after)
    assert applied(before, found, len(after), tmp_path) == after


@given(st.binary(max_size=300), st.binary(max_size=300), st.sampled_from([1, 2, 4, 8]))
def test_arithmetic_of_numbers(left: bytes, right: bytes, width: int) -> None:
    size = min(len(left), len(right)) // width * width
    left, right = left[:size], right[:size]
    residual = delta.subtract(left, right, width)
    assert delta.add(right, residual, width) == left
    assert delta.from_planes(delta.to_planes(left, width), width) == left
    folded = delta.from_planes(residual, width)
    for at in range(0, size, width):
        a, b, f = (
            int.from_bytes(data[at : at + width], "little") for data in (left, right, folded)
        )
        signed = -(f + 1) // 2 if f & 1 else f // 2
        assert (a - b - signed) % 256**width == 0


@given(st.binary(max_size=2000), st.binary(max_size=2000))
def test_any_two_files_make_a_round_trip(
    tmp_path_factory: pytest.TempPathFactory, old: bytes, new: bytes
) -> None:
    folder = tmp_path_factory.mktemp("round")
    assert applied(old, make_difference(old, new), len(new), folder) == new


@given(st.lists(st.binary(min_size=64, max_size=200), max_size=4), st.randoms())
def test_any_tensors_in_any_order_make_a_round_trip(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], chance: random.Random
) -> None:
    names = [f"t{i}" for i in range(len(contents))]
    old = onnx(dict(zip(names, contents, strict=True)), kind=1)
    chance.shuffle(names)
    new = onnx(dict(zip(names, contents, strict=True)), kind=1)
    folder = tmp_path_factory.mktemp("order")
    assert applied(old, make_difference(old, new), len(new), folder) == new


@given(st.binary(max_size=400), st.sampled_from([b"", b"\0\0\0\0TFL3", b"\x3a\x05"]))
def test_no_bytes_break_the_reader_of_tensors(data: bytes, head: bytes) -> None:
    for region in find_tensors(head + data):
        assert region.offset + region.length <= len(head + data)


def test_every_damaged_difference_is_refused(tmp_path: Path) -> None:
    """Cut short, with flipped bits, with operations that reach too far or grow without end."""
    new = onnx({"a": jittered(weights(40_000, 1), 4)})
    good = make_difference(OLD, new)
    head = len(delta.MAGIC)
    chance = random.Random(7)
    damaged = [good[:cut] for cut in range(0, len(good), len(good) // 30)]
    for _ in range(60):
        at = chance.randrange(len(good))
        damaged.append(good[:at] + bytes([good[at] ^ (1 << chance.randrange(8))]) + good[at + 1 :])
    hostile: tuple[object, ...] = (
        [["copy", 10**9, 10]],
        [["new", -1]],
        [["add", 0, 10**9, 1]],
        [["run", 1]],
        [[]],
        3,
    )
    for operations in hostile:
        text = json.dumps({"codec": "gzip", "operations": operations}).encode()
        damaged.append(good[:head] + text + b"\n")
    refused = 0
    for difference in damaged:
        try:
            assert applied(OLD, difference, len(new), tmp_path) != new
        except Failure:
            refused += 1
    assert refused > len(damaged) // 2


@pytest.fixture
def board(tmp_path: Path) -> BoardHome:
    made = BoardHome(tmp_path / "board")
    made.deploy(text_of({"m": OLD}), OLD)
    return made


def request(new: bytes, difference: bytes, base: bytes | None) -> dict[str, object]:
    told = {
        "base": "" if base is None else sha256(base),
        "target": sha256(new),
        "difference": sha256(difference),
        "size_bytes": len(new),
    }
    return {"manifest": text_of({"m": new}), "differences": [told]}


@pytest.mark.parametrize("base", [OLD, None])
def test_the_board_makes_the_new_file_and_checks_it(board: BoardHome, base: bytes | None) -> None:
    new = onnx({"a": jittered(weights(40_000, 1), 4)})
    difference = make_difference(base or b"", new)
    board.stage(difference)
    events = board.call("install", request(new, difference, base))
    assert Path(events[0]["path"], "m").read_bytes() == new
    assert not (board.root / wire.STAGING_FOLDER).exists()


def test_a_difference_to_something_else_never_becomes_a_release(board: BoardHome) -> None:
    new, other = onnx({"a": weights(40_000, 8)}), onnx({"a": weights(40_000, 9)})
    difference = make_difference(OLD, other)
    board.stage(difference)
    asked = request(new, difference, OLD)
    assert board.code("install", asked) == wire.ERROR_HASH_MISMATCH
    missing = make_difference(new, other)
    board.stage(missing)
    assert board.code("install", request(other, missing, new)) == wire.ERROR_MISSING_BLOB


def test_sent_files_are_remembered_and_damage_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEKIT_CACHE_DIR", str(tmp_path))
    source = BytesSource(bytes(100_000))
    assert sent_files.recall(source.sha256) is None
    sent_files.remember(source)
    assert sent_files.recall(source.sha256) == source.data
    (tmp_path / "sent" / source.sha256).write_bytes(b"damaged")
    assert sent_files.recall(source.sha256) is None
    sent_files.remember(BytesSource(b"small"))
    assert list((tmp_path / "sent").iterdir()) == []
    monkeypatch.setattr(sent_files, "MAX_TOTAL_BYTES", 250_000)
    for seed in range(4):
        sent_files.remember(BytesSource(bytes([seed]) * 100_000))
    assert len(list((tmp_path / "sent").iterdir())) == 2
