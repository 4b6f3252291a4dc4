"""The forms that real data take before a model sees them; preparing itself is a bench's work."""

from __future__ import annotations

import importlib
import wave
from pathlib import Path

import numpy
import pytest

from edgekit.core.errors import ToolEnvironmentError
from real_models import NAMES
from real_models.magika import features
from real_models.minilm import docstrings
from real_models.model import written_whole
from real_models.packages import unpack
from real_models.silero import CONTEXT, WINDOW, read_recording, steps

CONFIG = {"block_size": 4096, "beg_size": 1024, "end_size": 1024, "padding_token": 256}


@pytest.mark.parametrize("name", NAMES)
def test_every_listed_model_can_be_prepared(name: str) -> None:
    assert callable(importlib.import_module(f"real_models.{name}").prepare)


def test_bytes_are_stripped_and_padded_at_the_far_side() -> None:
    row = features(b"  \nabc \n", CONFIG)[0]
    assert row.shape == (2048,)
    assert row.dtype == numpy.int32
    assert bytes(row[:4].astype(numpy.uint8)) == b"abc "
    assert set(row[5:1024]) == {256}
    assert bytes(row[-3:].astype(numpy.uint8)) == b"abc"
    assert row[1024] == 256


def test_both_ends_of_a_long_file_are_taken() -> None:
    row = features(b"a" * 5000 + b"b" * 5000, CONFIG)[0]
    assert (row[:1024] == ord("a")).all()
    assert (row[1024:] == ord("b")).all()


def test_sound_overlaps_by_its_context() -> None:
    track = numpy.arange(3 * WINDOW + 7, dtype=numpy.float32)
    cut = steps(track)
    assert cut.shape == (3, 1, WINDOW + CONTEXT)
    assert (cut[0, 0, :CONTEXT] == 0).all()
    assert (cut[1, 0, :CONTEXT] == cut[0, 0, -CONTEXT:]).all()
    assert cut[2, 0, -1] == 3 * WINDOW - 1


def test_a_recording_comes_out_at_a_third_of_its_rate(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    times = numpy.arange(48_000) / 48_000
    tone = numpy.sin(2 * numpy.pi * 440 * times) * 16384
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(48_000)
        sound.writeframes(tone.astype("<i2").tobytes())
    found = read_recording(path)
    expected = 0.5 * numpy.sin(2 * numpy.pi * 440 * numpy.arange(16_000) / 16_000)
    assert len(found) == 16_000
    assert numpy.abs(found[100:-100] - expected[100:-100]).max() < 0.01


def test_docstrings_of_every_kind_are_found() -> None:
    source = '"""Of the module."""\nclass A:\n    """Of the class."""\n    def f(self): "Of f."\n'
    assert sorted(docstrings(source)) == ["Of f.", "Of the class.", "Of the module."]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "x.bin"
    with pytest.raises(ZeroDivisionError), written_whole(target) as part:
        part.write_bytes(b"half" * (1 // 0))
    assert not target.exists()
    with written_whole(target) as part:
        part.write_bytes(b"whole")
    assert target.read_bytes() == b"whole"


def test_a_damaged_debian_package_is_named(tmp_path: Path) -> None:
    archive = tmp_path / "broken.deb"
    archive.write_bytes(b"no archive")
    with pytest.raises(ToolEnvironmentError, match="dpkg-deb --extract failed"):
        unpack(archive, tmp_path / "out")
