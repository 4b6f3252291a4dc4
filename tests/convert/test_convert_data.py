"""Every form of data becomes the same samples, row by row, and what is wrong with it is said."""

from __future__ import annotations

import csv
import itertools
import json
import subprocess
import sys
import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.convert.converting import convert
from edgekit.convert.data import NO_DATA, Prepared, prepare
from edgekit.convert.pipelines import parse_pipeline
from edgekit.convert.request import ConvertRequest
from edgekit.convert.workers import random_samples, samples
from edgekit.convert.workers.samples_file import (
    RowFile,
    read_inputs,
    read_optional,
    read_outputs,
    write_columns,
)
from edgekit.convert.workers.samples_rows import spread
from edgekit.core.errors import ConfigError

VECTOR = [{"name": "x", "shape": [1, 4], "dtype": "float32"}]
PICTURE = [{"name": "image", "shape": [1, 3, 8, 8], "dtype": "float32"}]
SCORES = [{"name": "scores", "shape": [1, 10], "dtype": "float32"}]


def read(data: Path, specs: list[dict[str, Any]] = VECTOR, **settings: Any) -> dict[str, Any]:
    """Any: JSON."""
    request = {
        "data": str(data),
        "inputs": specs,
        "pipeline": None,
        "limit": 100,
        "label": "",
        "classes": 0,
        "exclude": [],
        "out": str(data.parent / "read"),
    }
    return samples.main(request | settings) | {"out": str(data.parent / "read")}


def vectors(path: Path, count: int = 20, **arrays: Any) -> Path:
    x = numpy.arange(count * 4, dtype="float32").reshape(count, 4)
    numpy.savez(path, x=x, **arrays)
    return path


@pytest.mark.parametrize("save", [numpy.savez, numpy.savez_compressed])
def test_an_npz_is_read_row_by_row(tmp_path: Path, save: Any) -> None:
    x = numpy.arange(4000, dtype="float64").reshape(1000, 4)
    save(tmp_path / "d.npz", x=x, y=numpy.arange(1000) // 100)
    found = read(tmp_path / "d.npz", limit=10)
    assert (found["count"], found["available"], found["labels"]) == (10, 1000, True)
    assert read_inputs(found["out"])[0].dtype == numpy.float32
    numpy.testing.assert_array_equal(read_inputs(found["out"])[0][:, 0], x[::100])
    numpy.testing.assert_array_equal(read_optional(found["out"], "labels"), numpy.arange(10))


def test_an_npy_is_the_single_input(tmp_path: Path) -> None:
    x = numpy.asfortranarray(numpy.random.default_rng(0).normal(size=(7, 4)))
    numpy.save(tmp_path / "d.npy", x)
    found = read(tmp_path / "d.npy")
    numpy.testing.assert_allclose(read_inputs(found["out"])[0][:, 0], x, rtol=1e-6)


@given(st.integers(0, 3000), st.integers(1, 400))
def test_the_choice_of_samples_is_even(count: int, limit: int) -> None:
    chosen = spread(count, limit)
    assert len(chosen) == len(set(chosen)) == min(count, limit)
    assert chosen == sorted(chosen)
    assert all(0 <= i < count for i in chosen)
    steps = {b - a for a, b in itertools.pairwise(chosen)}
    assert len(steps) <= 2


def test_a_table_with_words_as_labels(tmp_path: Path) -> None:
    lines = [
        ["a", "b", "kind", "c", "d"],
        *([str(i), "2", "xy"[i % 2], "4", ".5"] for i in range(6)),
    ]
    with open(tmp_path / "d.csv", "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(lines)
    found = read(tmp_path / "d.csv", label="kind")
    assert found["count"] == 6
    numpy.testing.assert_array_equal(read_inputs(found["out"])[0][2, 0], [2, 2, 4, 0.5])
    numpy.testing.assert_array_equal(read_optional(found["out"], "labels"), [0, 1] * 3)
    assert any("0 x, 1 y" in note for note in found["notes"])


def test_a_table_whose_inputs_name_columns(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("b,y,a\n1,0,2\n3,1,4\n")
    specs = [{"name": n, "shape": [1, 1], "dtype": "float32"} for n in ("a", "b")]
    found = read(tmp_path / "d.csv", specs)
    assert [float(column[1, 0, 0]) for column in read_inputs(found["out"])] == [4, 3]
    numpy.testing.assert_array_equal(read_optional(found["out"], "labels"), [0, 1])


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("1,2,3,4\n5,6,7,8\n", {}, "no header line"),
        ("a,b,c\n1,2,3\n", {}, "3 feature columns, the model takes x 1x4"),
        ("a,b,c,d\n1,2,3\n", {}, "row 2 has 3 cells"),
        ("a,b,c,d\n1,2,,4\n", {}, "row 2, column 3: '' is no number"),
        ("a,b,c,d\n1,2,nan,4\n", {}, "NaN"),
        ("a,b,c,d,e\n", {"label": "ee"}, "no column 'ee'"),
        ("a,b,c,d\n", {}, "holds no samples"),
        ("", {}, "is empty"),
        ("a,b,c,d,y\n1,2,3,4,11\n", {"classes": 10}, "label 11, the model has 10 classes"),
    ],
)
def test_tables_that_do_not_fit(
    tmp_path: Path, text: str, settings: dict[str, Any], message: str
) -> None:
    (tmp_path / "d.csv").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read(tmp_path / "d.csv", **settings)


def tone(path: Path, seconds: float, rate: int, width: int = 2, channels: int = 1) -> None:
    time_s = numpy.arange(int(seconds * rate)) / rate
    wanted = numpy.sin(2 * numpy.pi * 440 * time_s) * 0.5
    values = (numpy.repeat(wanted[:, None], channels, 1) * (2 ** (8 * width - 1) - 1)).astype(
        "<i4"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(channels)
        stream.setsampwidth(width)
        stream.setframerate(rate)
        raw = values.astype("<i4").reshape(-1, 1).view(numpy.uint8)[:, :width]
        stream.writeframes(raw.tobytes())


@pytest.mark.parametrize(
    ("width", "channels", "rate"), [(2, 1, 16000), (3, 2, 16000), (4, 1, 48000)]
)
def test_sound_becomes_windows(tmp_path: Path, width: int, channels: int, rate: int) -> None:
    pytest.importorskip("scipy")
    for label in ("noise", "speech"):
        tone(tmp_path / f"wavs/{label}/a.wav", 0.1, rate, width, channels)
    specs = [
        {"name": "input", "shape": [1, 512], "dtype": "float32"},
        {"name": "state", "shape": [2, 1, 128], "dtype": "float32"},
        {"name": "sr", "shape": [1], "dtype": "int64"},
    ]
    pipeline = {"kind": "audio", "sample_rate_hz": 16000}
    found = read(tmp_path / "wavs", specs, pipeline=pipeline)
    sound, state, sample_rate = read_inputs(found["out"])
    assert sound.shape == (8, 1, 512)
    wanted = 0.5 * numpy.sin(2 * numpy.pi * 440 * numpy.arange(512) / 16000)
    numpy.testing.assert_allclose(sound[0, 0, 50:], wanted[50:], atol=0.02)
    assert (sound[3, 0, 1600 - 3 * 512 :] == 0).all()
    assert not state.any()
    assert set(sample_rate.ravel().tolist()) == {16000}
    numpy.testing.assert_array_equal(read_optional(found["out"], "labels"), [0] * 4 + [1] * 4)
    assert any("'state' is 0 everywhere" in note for note in found["notes"])


def test_sound_needs_a_rate_and_whole_files(tmp_path: Path) -> None:
    specs = [{"name": "input", "shape": [1, 512], "dtype": "float32"}]
    tone(tmp_path / "wavs/a.wav", 0.1, 16000)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / "wavs", specs)
    assert "audio:rate=16000" in caught.value.hint
    (tmp_path / "wavs/b.wav").write_bytes(b"RIFF....WAVE")
    with pytest.raises(ConfigError, match=r"b\.wav is no \.wav"):
        read(tmp_path / "wavs", specs, pipeline={"kind": "audio", "sample_rate_hz": 16000})
    assert parse_pipeline("audio:rate=8000").sample_rate_hz == 8000
    with pytest.raises(ConfigError, match="no sample rate"):
        parse_pipeline("audio:rate=fast")


@pytest.mark.parametrize(
    ("x", "specs", "message"),
    [
        (numpy.array([[1, 2, 3, 400]]), "uint8", "400, uint8 cannot hold"),
        (numpy.array([[0.5, 1, 2, 3]]), "int32", "fractions"),
        (numpy.array([[numpy.inf, 1, 2, 3]]), "float32", "NaN or infinity"),
    ],
)
def test_values_that_the_input_cannot_hold(
    tmp_path: Path, x: Any, specs: str, message: str
) -> None:
    numpy.savez(tmp_path / "d.npz", x=x)
    with pytest.raises(ConfigError, match=message):
        read(tmp_path / "d.npz", [{"name": "x", "shape": [1, 4], "dtype": specs}])


def test_truncated_archives(tmp_path: Path) -> None:
    whole = vectors(tmp_path / "d.npz", 500).read_bytes()
    (tmp_path / "d.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match="cannot be read as"):
        read(tmp_path / "d.npz")


def run_prepare(tmp_path: Path, **settings: Any) -> Prepared:
    workers = {"samples": samples.main, "random_samples": random_samples.main}
    request = ConvertRequest(tmp_path / "m.onnx", "raspberrypi", **settings)
    return prepare(
        request,
        VECTOR,
        SCORES,
        tmp_path / "samples",
        tmp_path / "evaluation",
        lambda name, message: workers[name](message),
    )


def test_evaluation_samples_are_none_of_the_calibration(tmp_path: Path) -> None:
    both = vectors(tmp_path / "both.npz", 1000, y=numpy.arange(1000) % 10)
    found = run_prepare(tmp_path, calibration=both, data=both)
    assert [(r.role, r.sample_count, r.available_count) for r in found.reports] == [
        ("calibration", 300, 1000),
        ("evaluation", 700, 1000),
    ]
    assert any("300 evaluation samples were left out" in w for w in found.warnings)
    calibrated = {row.tobytes() for row in read_inputs(str(tmp_path / "samples"))[0]}
    judged = {row.tobytes() for row in read_inputs(str(tmp_path / "evaluation"))[0]}
    assert not calibrated & judged


def test_data_that_calibrates_and_judges_is_told(tmp_path: Path) -> None:
    both = vectors(tmp_path / "both.npz", 50, y=numpy.arange(50) % 10)
    found = run_prepare(tmp_path, calibration=both, data=both)
    assert any("50 of 50 evaluation samples also calibrated" in w for w in found.warnings)
    assert found.reports[0].sha256 == found.reports[1].sha256
    assert run_prepare(tmp_path) == NO_DATA


def test_constant_and_unlike_data_is_told(tmp_path: Path) -> None:
    ones = numpy.ones((20, 4), "float32")
    numpy.savez(tmp_path / "ones.npz", x=ones)
    with pytest.raises(ConfigError, match=r"input 'x' is 1 everywhere in all 20 samples"):
        run_prepare(tmp_path, calibration=tmp_path / "ones.npz")
    numpy.savez(tmp_path / "pixels.npz", x=numpy.random.default_rng(0).uniform(0, 255, (20, 4)))
    numpy.savez(tmp_path / "unit.npz", x=numpy.random.default_rng(0).uniform(0, 1, (20, 4)))
    found = run_prepare(tmp_path, calibration=tmp_path / "pixels.npz", data=tmp_path / "unit.npz")
    assert any("are both prepared alike" in w for w in found.warnings)
    numpy.savez(tmp_path / "large.npz", x=numpy.arange(80).reshape(20, 4) * 1e4)
    found = run_prepare(tmp_path, calibration=tmp_path / "large.npz")
    assert any("never normalised" in w for w in found.warnings)


@given(st.integers(1, 5), st.lists(st.integers(1, 4), max_size=3), st.sampled_from("fdbhq"))
def test_row_files_are_npy_files(count: int, shape: list[int], kind: str) -> None:
    rows = numpy.arange(count * int(numpy.prod(shape)), dtype=kind).reshape(count, *shape)
    with tempfile.TemporaryDirectory() as folder:
        file = RowFile(Path(folder) / "output_0.npy")
        for row in rows:
            file.append(row)
        file.close()
        numpy.testing.assert_array_equal(numpy.load(file.path), rows)
        assert read_outputs(folder)[0].dtype == rows.dtype


def test_row_files_refuse_other_shapes_and_leave_nothing_empty(tmp_path: Path) -> None:
    file = RowFile(tmp_path / "a.npy")
    file.append(numpy.zeros(3))
    with pytest.raises(ValueError, match="the first one had"):
        file.append(numpy.zeros(4))
    file.close()
    empty = RowFile(tmp_path / "b.npy")
    empty.close()
    assert not (tmp_path / "b.npy").exists()
    write_columns(str(tmp_path / "c"), "input", [numpy.zeros((2, 1))])
    assert read_inputs(str(tmp_path / "c"))[0].shape == (2, 1)


BOUNDED = """
import json, resource, sys
request = json.loads(sys.argv[1])
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[2]),) * 2)
from edgekit.convert.workers import samples
print(samples.main(request)["count"])
"""


@pytest.mark.slow
def test_ten_thousand_pictures_do_not_lie_in_memory(tmp_path: Path) -> None:
    pictures = numpy.zeros((10_000, 64, 64, 3), "uint8")
    pictures[:, 0, 0, 0] = numpy.arange(10_000) % 256
    pictures[:, 0, 0, 1] = numpy.arange(10_000) // 256
    numpy.savez(tmp_path / "d.npz", images=pictures)
    request = {
        "data": str(tmp_path / "d.npz"),
        "inputs": [{"name": "image", "shape": [1, 3, 64, 64], "dtype": "float32"}],
        "pipeline": {"kind": "image", "mean": [0.0] * 3, "std": [255.0] * 3, "layout": "NCHW"},
        "limit": 10_000,
        "label": "",
        "classes": 0,
        "exclude": [],
        "out": str(tmp_path / "read"),
    }
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, json.dumps(request), str(110 << 20)],
        env={"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": "toolkit"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "10000"
    assert (tmp_path / "read/input_0.npy").stat().st_size > 4 * 110 * 1000 * 1000


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_card_tells_the_data(tmp_path: Path, onnx_models: Path) -> None:
    rng = numpy.random.default_rng(0)
    data = tmp_path / "d.npz"
    numpy.savez(data, x=rng.normal(size=(400, 3, 16, 16)), y=rng.integers(0, 10, 400))
    request = ConvertRequest(
        onnx_models / "net.onnx",
        "raspberrypi",
        engine="onnxruntime",
        calibration=data,
        data=data,
    )
    card = convert(request, tmp_path / "a")
    assert [(r.role, r.name, r.sample_count) for r in card.data] == [
        ("calibration", "d.npz", 300),
        ("evaluation", "d.npz", 100),
    ]
    assert len({report.sha256 for report in card.data}) == 2
    assert any("left out, because they calibrated" in warning for warning in card.warnings)
