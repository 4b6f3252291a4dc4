"""Samples survive packing bit by bit, stay small, and damage is told."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.core.errors import RecordError
from edgekit.core.measurement import Condition, Level, Measurement, Stamp, ValidityNote
from edgekit.core.packing import (
    pack,
    pack_rows,
    pack_samples,
    unpack,
    unpack_rows,
    unpack_samples,
)
from edgekit.core.record import dump, load, parse, save
from samples import measurement

SERIES = st.lists(st.integers(-(2**61), 2**61))


@given(SERIES)
def test_any_series_comes_back(values: list[int]) -> None:
    assert unpack(pack(values)) == tuple(values)


@given(st.lists(st.tuples(*[st.integers(0, 2**40)] * 5), max_size=50))
def test_any_run_comes_back(rows: list[tuple[int, ...]]) -> None:
    names = ("cpu", "total", "preprocess", "infer", "postprocess")
    samples = {name: tuple(row[i] for row in rows) for i, name in enumerate(names)}
    starts = tuple(range(0, 1000 * len(rows), 1000))
    assert unpack_samples(*pack_samples(samples, starts)) == (samples, starts)


def test_series_of_unequal_length_come_back() -> None:
    samples = {"infer": (1, 2, 3), "preprocess": (1,), "postprocess": (), "total": (9, 9)}
    assert unpack_samples(*pack_samples(samples, (5, 6, 7))) == (samples, (5, 6, 7))


def noisy_run(count: int) -> Measurement:
    """Phases of a millisecond model with 3 % noise, every nanosecond kept."""
    draw = random.Random(1).gauss
    before = tuple(35_000 + int(abs(draw(0, 1500))) for _ in range(count))
    infer = tuple(1_000_000 + int(draw(0, 30_000)) for _ in range(count))
    after = tuple(4_000 + int(abs(draw(0, 200))) for _ in range(count))
    total = tuple(a + b + c for a, b, c in zip(before, infer, after, strict=True))
    cpu = tuple(value - int(abs(draw(500, 150))) for value in infer)
    starts, now = [], 0
    for value in total:
        starts.append(now)
        now += value + int(abs(draw(900, 200)))
    samples = {"preprocess": before, "infer": infer, "postprocess": after}
    made = measurement(samples | {"total": total, "cpu": cpu})
    watched = tuple(
        Condition(
            at_ns=i * 500_000_000 + int(draw(0, 1000)),
            temperature_c=60.5 + i % 7,
            clock_mhz=1800.0,
            throttled="0" if i % 2 else None,
            cpu_pressure_us=i * 1000 + int(abs(draw(0, 500))),
            load_1min=1.0,
            free_memory_mb=3000 - i % 5,
        )
        for i in range(now // 500_000_000)
    )
    return dataclasses.replace(made, starts_ns=tuple(starts), conditions=watched)


def test_a_record_of_100_000_samples_stays_below_1_mb(tmp_path: Path) -> None:
    made = noisy_run(100_000)
    path = save(made, tmp_path / "run.json")
    assert path.stat().st_size < 1_000_000
    assert load(Measurement, path) == made


def test_percentiles_and_stamp_are_derived_never_read() -> None:
    document = dump(measurement())
    assert document["stamp"] == "valid"
    document["stamp"] = "invalid"
    document["summaries"]["total"]["percentiles_ms"]["p50"]["value"] = 0.001
    read = parse(Measurement, document)
    assert read.stamp is Stamp.VALID
    assert read.summaries == measurement().summaries
    assert dump(read)["summaries"] != document["summaries"]


def test_the_worst_note_stamps() -> None:
    notes = [ValidityNote("a", Level.INFO, "x"), ValidityNote("b", Level.WARNING, "y")]
    made = measurement()
    stamps = [
        dataclasses.replace(made, validity=tuple(notes[:n])).stamp for n in range(len(notes) + 1)
    ]
    assert stamps == [Stamp.VALID, Stamp.VALID, Stamp.DOUBTFUL]
    notes.append(ValidityNote("c", Level.INVALID, "z"))
    assert dataclasses.replace(made, validity=tuple(notes)).stamp is Stamp.INVALID


@pytest.mark.parametrize(
    "text",
    ["", "before:1:3:", "before:9:1:x", "x:1:1:c$", "before:1:99999999999:c$", "given:1:0:!"],
)
def test_damaged_samples_are_refused(text: str) -> None:
    with pytest.raises(RecordError, match="packed samples"):
        unpack(text)
    document = dump(measurement())
    document["samples_ns"]["infer"] = text
    with pytest.raises(RecordError):
        parse(Measurement, json.loads(json.dumps(document)))


def test_records_without_samples_or_with_lists_are_refused() -> None:
    document = dump(measurement())
    for broken in ([1, 2], "text", {"infer": [1, 2]}):
        with pytest.raises(RecordError):
            parse(Measurement, document | {"samples_ns": broken})
    del document["starts_ns"]
    with pytest.raises(RecordError, match="starts_ns"):
        parse(Measurement, document)


ROWS = st.lists(
    st.fixed_dictionaries(
        {"a": st.integers(0, 2**40), "b": st.none() | st.floats(0, 9), "c": st.none()}
    ),
    max_size=20,
)


@given(ROWS)
def test_any_rows_come_back_without_empty_columns(rows: list[dict[str, object]]) -> None:
    columns = pack_rows(rows)
    assert "c" not in columns
    for row, found in zip(rows, unpack_rows(columns), strict=True):
        assert {"b": None, "c": None} | found == row


@pytest.mark.parametrize(
    "table", [[], {}, {"rows": -1}, {"rows": 2, "a": [1]}, {"rows": 1, "a": 5}, {"rows": 10**12}]
)
def test_damaged_rows_are_refused(table: object) -> None:
    with pytest.raises(RecordError, match="packed rows"):
        unpack_rows(table)
