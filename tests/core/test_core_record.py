"""Records survive a round trip, and damaged files are refused with a clear message."""

from __future__ import annotations

import dataclasses
import json
import os
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.core.errors import RecordError
from edgekit.core.record import (
    Record,
    Unavailable,
    dump,
    from_plain,
    load,
    parse,
    save,
    to_plain,
    write_atomically,
)

NOT_WEIGHED = Unavailable("not weighed")


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass(frozen=True)
class Part:
    name: str
    sizes: tuple[int, ...] = ()
    weight_kg: float | Unavailable = NOT_WEIGHED


@dataclasses.dataclass(frozen=True)
class Thing(Record):
    KIND: ClassVar[str] = "edgekit.thing"
    SCHEMA: ClassVar[int] = 2

    colour: Colour
    parts: tuple[Part, ...]
    notes: dict[str, str]
    pair: tuple[int, str] = (1, "a")
    owner: str | None = None


parts = st.builds(
    Part,
    name=st.text(),
    sizes=st.lists(st.integers(), max_size=4).map(tuple),
    weight_kg=st.floats(allow_nan=False, allow_infinity=False) | st.builds(Unavailable, st.text()),
)
things = st.builds(
    Thing,
    colour=st.sampled_from(Colour),
    parts=st.lists(parts, max_size=3).map(tuple),
    notes=st.dictionaries(st.text(), st.text(), max_size=3),
    pair=st.tuples(st.integers(), st.text()),
    owner=st.none() | st.text(),
)


@given(things)
def test_round_trip_through_json(thing: Thing) -> None:
    assert parse(Thing, json.loads(json.dumps(dump(thing)))) == thing


def test_save_and_load(tmp_path: Path) -> None:
    thing = Thing(Colour.RED, (Part("a", (1, 2), 3.0),), {"k": "v"})
    path = save(thing, tmp_path / "deep" / "thing.json")
    assert load(Thing, path) == thing
    assert [p.name for p in path.parent.iterdir()] == ["thing.json"]


def document(**changes: object) -> dict[str, object]:
    base: dict[str, object] = dump(Thing(Colour.RED, (Part("a"),), {}))
    return base | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "edgekit.other"}, "expected a record of kind edgekit.thing"),
        ({"schema": 3}, "schema 3 was written by"),
        ({"schema": 1}, "schema 1 is older"),
        ({"schema": None}, "no schema number"),
        ({"colour": "green"}, "edgekit.thing.colour: expected one of red, blue"),
        ({"extra": 1}, "unknown key 'extra'"),
        ({"parts": {}}, "edgekit.thing.parts: expected a list"),
        ({"parts": [{"name": 5}]}, r"parts\[0\].name: expected str"),
        ({"parts": [{"sizes": [1]}]}, "missing key 'name'"),
        ({"parts": [{"name": "a", "sizes": [True]}]}, r"sizes\[0\]: expected int"),
        ({"pair": [1]}, "expected 2 items"),
        ({"notes": []}, "notes: expected an object"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        parse(Thing, document(**changes))


def test_a_newer_schema_says_to_update() -> None:
    with pytest.raises(RecordError) as caught:
        parse(Thing, document(schema=9))
    assert "update edgekit" in caught.value.hint


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00\x01"])
def test_damaged_files(tmp_path: Path, content: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(content)
    with pytest.raises(RecordError, match="r.json"):
        load(Thing, path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no such record file"):
        load(Thing, tmp_path / "none.json")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_parsing_never_crashes(value: object) -> None:
    with pytest.raises(RecordError):
        parse(Thing, document(parts=[value]))


def test_integers_count_as_floats_but_not_the_other_way() -> None:
    assert from_plain(Part, {"name": "a", "weight_kg": 2}).weight_kg == 2.0
    with pytest.raises(RecordError):
        from_plain(Part, {"name": "a", "sizes": [1.5]})


def test_values_without_a_place_are_refused() -> None:
    with pytest.raises(TypeError):
        to_plain({"a": object()})


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "bad \ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_files_get_the_permissions_that_the_umask_leaves(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_atomically(tmp_path / "report.html", "x")
        write_atomically(tmp_path / "key", "x", mode=0o600)
    finally:
        os.umask(old)
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "report.html"]
