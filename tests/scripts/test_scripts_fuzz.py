"""The fuzz bench's damage: repeatable, and right on the wire where it says so."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz_mutations import ARCHIVES, BYTES, mutate
from fuzz_protobuf import Field, damaged_field, encode, parse
from fuzz_seeds import Seed

FIELDS = st.lists(
    st.one_of(
        st.builds(
            lambda n, v: Field(n, 0, v, b""), st.integers(1, 500), st.integers(0, 2**64 - 1)
        ),
        st.builds(lambda n, p: Field(n, 2, 0, p), st.integers(1, 500), st.binary(max_size=40)),
    ),
    min_size=1,
    max_size=6,
)


@given(FIELDS)
def test_messages_come_back_as_they_were(fields: list[Field]) -> None:
    assert parse(encode(fields)) == fields


@given(FIELDS, st.integers())
def test_a_damaged_field_leaves_a_message(fields: list[Field], seed: int) -> None:
    data = encode(fields)
    damaged = damaged_field(random.Random(seed), data)
    assert parse(damaged) is not None
    assert damaged == damaged_field(random.Random(seed), data)


@pytest.mark.parametrize("name", BYTES)
@given(seed=st.integers(), data=st.binary(min_size=20, max_size=400))
def test_damage_is_repeatable(name: str, seed: int, data: bytes) -> None:
    once, again = (BYTES[name](random.Random(seed), data) for _ in range(2))
    assert once == again


def test_archives_are_damaged_inside(tmp_path: Path) -> None:
    folder = tmp_path / "seed"
    folder.mkdir()
    with zipfile.ZipFile(folder / "m.keras", "w") as archive:
        archive.writestr("config.json", "{}" * 50)
        archive.writestr("model.weights.h5", b"x" * 100)
    seed = Seed("keras", folder, "m.keras", ("m.keras",), is_archive=True)
    cases = mutate([seed], tmp_path / "cases", 60, 0)
    assert len({path for _, _, path in cases}) == 60
    assert {name for _, name, _ in cases} & set(ARCHIVES)
    hostile = ARCHIVES["path traversal"](random.Random(0), (folder / "m.keras").read_bytes())
    (tmp_path / "hostile.keras").write_bytes(hostile)
    names = zipfile.ZipFile(tmp_path / "hostile.keras").namelist()
    assert all(n.startswith(("../", "/", "..", "C:")) for n in names)
