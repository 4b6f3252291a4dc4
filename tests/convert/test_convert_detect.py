"""What a file is, and what is refused: hostile, damaged, misnamed."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgekit.convert.detect import detect
from edgekit.core.artifact import Format
from edgekit.core.errors import ConvertError, HostileModel, UnsupportedModel


def archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as target:
        for name, data in members.items():
            target.writestr(name.replace("__", "/"), data)
    return path


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


TFLITE = b"\x1c\x00\x00\x00TFL3" + bytes(40)
ONNX = b"\x08\x0a\x12\x07pytorch" + bytes(20)
HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(40)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("m.tflite", TFLITE, Format.TFLITE),
        ("m.onnx", ONNX, Format.ONNX),
        ("m.h5", HDF5, Format.KERAS),
        ("model", TFLITE, Format.TFLITE),
    ],
)
def test_formats_by_content(tmp_path: Path, name: str, data: bytes, expected: Format) -> None:
    found = detect(write(tmp_path / name, data))
    assert (found.format, found.size_bytes) == (expected, len(data))


def test_archives_by_their_members(tmp_path: Path) -> None:
    keras = {"config.json": b"{}", "model.weights.h5": HDF5}
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as target:
        for name, data in keras.items():
            target.writestr(name, data)
    assert detect(tmp_path / "m.keras").format is Format.KERAS
    exported = archive(tmp_path / "m.pt2", m__archive_format=b"pt2", m__models__model=b"{}")
    assert detect(exported).format is Format.PYTORCH
    (tmp_path / "saved").mkdir()
    write(tmp_path / "saved/saved_model.pb", b"\x08\x01")
    assert detect(tmp_path / "saved").format is Format.SAVED_MODEL


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("m.onnx", b"", "empty"),
        ("m.onnx", TFLITE, "named like onnx but its content is tflite"),
        ("m.tflite", ONNX, "named like tflite"),
        ("m.onnx", b"hello world, this is text", "no known format"),
        ("m.keras", b"PK\x03\x04 cut off", "damaged or truncated"),
    ],
)
def test_files_that_are_not_what_they_seem(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    with pytest.raises(UnsupportedModel, match=message) as caught:
        detect(write(tmp_path / name, data))
    assert caught.value.exit_code == 4
    assert caught.value.hint


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel, match="no such model"):
        detect(tmp_path / "m.onnx")


class Bomb:
    """Leaves a mark when somebody unpickles it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (open, (str(self.mark), "w"))


@pytest.mark.parametrize(
    ("name", "trust"),
    [("m.pkl", False), ("m.joblib", False), ("m.pt", False), ("m.pt", True), ("m.onnx", True)],
)
def test_a_pickle_is_not_unpickled_without_trust(tmp_path: Path, name: str, trust: bool) -> None:
    mark = tmp_path / "mark"
    write(tmp_path / name, pickle.dumps(Bomb(mark)))
    with pytest.raises(HostileModel, match="pickle"):
        detect(tmp_path / name, trust=trust)
    assert not mark.exists()


def test_a_trusted_pickle_is_a_scikit_learn_model_and_the_host_never_reads_it(
    tmp_path: Path,
) -> None:
    mark = tmp_path / "mark"
    found = detect(write(tmp_path / "m.pkl", pickle.dumps(Bomb(mark))), trust=True)
    assert found.format is Format.SKLEARN
    assert not mark.exists()


def test_a_state_dict_says_how_to_go_on(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.pth", m__data_pkl=b"x")
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("m/data.pkl", b"\x80\x02.")
    with pytest.raises(HostileModel) as caught:
        detect(path)
    assert "torch.export" in caught.value.hint
    assert "--weights" in caught.value.hint


@pytest.mark.parametrize("member", ["../evil", "/etc/passwd", "a/../../b", "C:\\x", "..\\evil"])
def test_an_archive_that_leaves_its_folder(tmp_path: Path, member: str) -> None:
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr(member, b"x")
    with pytest.raises(HostileModel, match="outside"):
        detect(path)


def test_an_archive_that_explodes(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("config.json", bytes(300_000_000))
    with pytest.raises(HostileModel, match="unpacks to"):
        detect(path)


def test_an_exported_program_with_pickled_tensors_needs_trust(tmp_path: Path) -> None:
    config = {"config": {"w": {"path_name": "weight_0", "use_pickle": True}}}
    path = tmp_path / "m.pt2"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("m/archive_format", "pt2")
        target.writestr("m/data/weights/model_weights_config.json", json.dumps(config))
    with pytest.raises(HostileModel, match="pickled tensors"):
        detect(path)
    assert detect(path, trust=True).format is Format.PYTORCH


def test_python_code_needs_trust(tmp_path: Path) -> None:
    path = write(tmp_path / "build.py", b"def build(): ...")
    with pytest.raises(HostileModel, match="--trust|Python code"):
        detect(path)
    assert detect(path, trust=True).format is Format.PYTORCH


def test_a_saved_model_whose_link_leads_outside(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    write(folder / "saved_model.pb", b"x")
    write(tmp_path / "secret", b"x")
    (folder / "variables").symlink_to(tmp_path / "secret")
    with pytest.raises(HostileModel, match="outside"):
        detect(folder)


@settings(max_examples=200)
@given(st.binary(max_size=400), st.sampled_from([".onnx", ".tflite", ".pt2", ".keras", ""]))
def test_no_bytes_break_the_detector(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"fuzz{suffix}"
    path.write_bytes(data)
    try:
        detect(path)
    except ConvertError as err:
        assert err.message


@given(st.binary(max_size=200))
def test_no_zip_tail_breaks_the_detector(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr("m/archive_format", "pt2")
    path = tmp_path_factory.getbasetemp() / "fuzz-tail.pt2"
    path.write_bytes(buffer.getvalue()[: len(data)] + data)
    try:
        detect(path)
    except ConvertError as err:
        assert err.message


def external(name: str) -> bytes:
    """An ONNX file's start, with an entry that names a file of weights."""
    entry = b"\n\x08location\x12" + bytes([len(name)]) + name.encode()
    return ONNX + entry


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret", "link"])
def test_weights_outside_the_models_folder_are_never_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "model").mkdir()
    (tmp_path / "model/link").symlink_to(tmp_path / "secret")
    with pytest.raises(HostileModel, match="outside its folder"):
        detect(write(tmp_path / "model/m.onnx", external(name)))


def test_weights_beside_the_model_count_and_change_its_hash(tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx", external("m.data"))
    with pytest.raises(UnsupportedModel, match=r"keeps weights in m\.data"):
        detect(path)
    write(tmp_path / "m.data", b"1")
    first = detect(path)
    write(tmp_path / "m.data", b"22")
    second = detect(path)
    assert (first.sha256 != second.sha256, second.size_bytes - first.size_bytes) == (True, 1)
