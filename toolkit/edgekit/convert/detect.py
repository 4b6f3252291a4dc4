"""Says what a model file is from its content; refuses what could run code or leave its folder."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from edgekit.core.artifact import Format, SourceModel
from edgekit.core.errors import HostileModel, UnsupportedModel

SUFFIXES = {
    ".keras": Format.KERAS,
    ".h5": Format.KERAS,
    ".hdf5": Format.KERAS,
    ".onnx": Format.ONNX,
    ".tflite": Format.TFLITE,
    ".pt2": Format.PYTORCH,
    ".pt": Format.PYTORCH,
    ".pth": Format.PYTORCH,
    ".ts": Format.PYTORCH,
    ".py": Format.PYTORCH,
    ".joblib": Format.SKLEARN,
    ".xml": Format.OPENVINO,
}
READABLE = (
    "Keras (.keras, .h5), SavedModel folder, PyTorch (.pt2, .pt, .py), ONNX, TFLite, "
    "scikit-learn (.pkl, .joblib with --trust)"
)
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
ZIP_MAGIC = b"PK\x03\x04"
TFLITE_MAGIC = b"TFL3"
PICKLE_PROTOCOLS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
SKLEARN_SUFFIXES = (".pkl", ".pickle", ".joblib")
MAX_UNPACKED_RATIO = 200
"""A model archive that unpacks to more than this many times its size is a bomb."""


def detect(path: Path, *, trust: bool = False) -> SourceModel:
    """The model's name, format, hash and size.

    Raises:
        UnsupportedModel: missing, empty, truncated, or of no format that can be read.
        HostileModel: it could run code or write outside its folder, and ``trust`` is False.
    """
    try:
        return _detect(path, trust=trust)
    except PermissionError as err:
        raise UnsupportedModel(f"{path} cannot be read: {err.strerror}") from err


def _near(path: Path) -> str:
    """A hint: models beside the missing one with a name like it, else what can be read."""
    here = path.parent.iterdir() if path.parent.is_dir() else ()
    models = {p.name: p for p in here if p.suffix.lower() in SUFFIXES}
    near = difflib.get_close_matches(path.name, models, n=2)
    if near:
        return f"did you mean {' or '.join(str(models[name]) for name in near)}?"
    return f"give a path to one of: {READABLE}"


def _detect(path: Path, *, trust: bool) -> SourceModel:
    if not path.exists():
        raise UnsupportedModel(f"{path}: no such model", hint=_near(path))
    if path.is_dir():
        return _folder(path)
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise UnsupportedModel(f"{path} is empty (0 bytes)", hint="export the model again")
    found = _format_of(path, trust=trust)
    named = SUFFIXES.get(path.suffix.lower())
    if named is not None and named != found:
        raise UnsupportedModel(
            f"{path} is named like {named.value} but its content is {found.value}",
            hint=f"rename it to what it is, for instance {path.stem}{_suffix(found)}",
        )
    digest = file_sha256(path)
    if found is Format.ONNX:
        external = external_files(path)
        size_bytes += sum(file.stat().st_size for file in external)
        if external:
            text = "\n".join([digest, *(file_sha256(file) for file in external)])
            digest = hashlib.sha256(text.encode()).hexdigest()
    if found is Format.OPENVINO:
        weights = path.with_suffix(".bin")
        if not weights.is_file():
            raise UnsupportedModel(
                f"{path} keeps its weights in {weights.name}, which is missing",
                hint=f"copy {weights.name} into the same folder",
            )
        size_bytes += weights.stat().st_size
        digest = hashlib.sha256(f"{digest}\n{file_sha256(weights)}".encode()).hexdigest()
    return SourceModel(path.stem, found, digest, size_bytes)


def external_files(path: Path) -> tuple[Path, ...]:
    """Files beside an ONNX model that hold its weights.

    Found by the wire form of the entry ``location`` (field 1 and 2 of StringStringEntryProto); the
    onnx library checks once more when it reads them.

    Raises:
        HostileModel: one lies outside the model's folder.
        UnsupportedModel: one is missing.
    """
    data = path.read_bytes()
    folder = path.parent.resolve()
    found: dict[str, Path] = {}
    for match in re.finditer(rb"\n\x08location\x12([\x01-\x7f])", data):
        raw = data[match.end() : match.end() + match[1][0]]
        name = raw.decode("utf-8", "replace")
        file = folder / name
        if PurePosixPath(name).is_absolute() or not file.resolve().is_relative_to(folder):
            raise HostileModel(
                f"{path} reads {name!r}, which lies outside its folder",
                hint="do not use this file; get the model from its maker again",
            )
        if not file.is_file():
            raise UnsupportedModel(
                f"{path} keeps weights in {name}, which is missing",
                hint=f"copy {name} into the same folder",
            )
        found[name] = file
    return tuple(found[name] for name in sorted(found))


def file_sha256(path: Path) -> str:
    """Hash of a file as hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def content_sha256(path: Path) -> str:
    """Hash of a file, or of the sorted list of hashes and names of a folder's files."""
    if path.is_file():
        return file_sha256(path)
    files = sorted(p for p in path.rglob("*") if p.is_file())
    text = "\n".join(f"{file_sha256(p)} {p.relative_to(path)}" for p in files)
    return hashlib.sha256(text.encode()).hexdigest()


def _format_of(path: Path, *, trust: bool) -> Format:
    with open(path, "rb") as stream:
        head = stream.read(16)
    if path.suffix.lower() == ".py":
        if not trust:
            raise HostileModel(
                f"{path} is Python code, which would be run to build the model",
                hint="when you trust it: --trust",
            )
        return Format.PYTORCH
    if head.startswith(HDF5_MAGIC):
        return Format.KERAS
    if head[4:8] == TFLITE_MAGIC:
        return Format.TFLITE
    if head.startswith(ZIP_MAGIC):
        return _zip(path, trust=trust)
    if head.startswith(PICKLE_PROTOCOLS):
        if trust and path.suffix.lower() in SKLEARN_SUFFIXES:
            return Format.SKLEARN
        raise HostileModel(
            f"{path} is a pickle, which runs code when it is read; it is not unpickled",
            hint="export a PyTorch model: torch.export.save(torch.export.export(model, inputs), "
            "'m.pt2'); a scikit-learn model (.pkl, .joblib) that you trust: --trust",
        )
    if head.startswith(b"<?xml") and path.suffix.lower() == ".xml":
        return Format.OPENVINO
    if _looks_like_onnx(head):
        return Format.ONNX
    raise UnsupportedModel(
        f"{path} is of no known format: it starts with {head[:8].hex(' ')}",
        hint=f"edgekit reads {READABLE}; is the file complete?",
    )


def _looks_like_onnx(head: bytes) -> bool:
    """An ONNX file starts with its IR version: field 1, a small number.

    Source: onnx.proto, ModelProto.ir_version.
    """
    return len(head) >= 4 and head[0] == 0x08 and 1 <= head[1] < 128 and head[2] & 0x07 in (0, 2)


def _zip(path: Path, *, trust: bool) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _require_safe(path, members)
            names = [member.filename for member in members]
            if "config.json" in names and any(n.endswith(".weights.h5") for n in names):
                return Format.KERAS
            if any(name.endswith("archive_format") for name in names):
                _require_no_pickle(path, archive, names, trust=trust)
                return Format.PYTORCH
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError) as err:
        raise UnsupportedModel(
            f"{path} is a damaged or truncated archive: {err}", hint="copy or export it again"
        ) from err
    if any("/code/" in name for name in names) and any(
        name.endswith("/constants.pkl") for name in names
    ):
        return Format.PYTORCH
    if any(name.endswith("/data.pkl") for name in names):
        raise HostileModel(
            f"{path} is a pickled PyTorch model or state dict, which has no graph to convert",
            hint="export it: torch.export.save(torch.export.export(model, inputs), 'm.pt2'); or "
            f"give a builder: edgekit convert build.py --weights {path.name} --trust",
        )
    raise UnsupportedModel(f"{path} is an archive of no known kind", hint=f"known: {READABLE}")


def _require_safe(path: Path, members: Iterable[zipfile.ZipInfo]) -> None:
    unpacked = 0
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        has_drive = bool(parts) and ":" in parts[0]
        if member.filename.startswith(("/", "\\")) or ".." in parts or has_drive:
            raise HostileModel(
                f"{path} holds {member.filename!r}, which would be written outside its folder",
                hint="do not use this file; get the model from its maker again",
            )
        unpacked += member.file_size
    if unpacked > MAX_UNPACKED_RATIO * max(path.stat().st_size, 1_000_000):
        raise HostileModel(f"{path} unpacks to {unpacked} bytes", hint="do not use this file")


def _require_no_pickle(
    path: Path, archive: zipfile.ZipFile, names: list[str], *, trust: bool
) -> None:
    """An exported program may carry pickled tensors; reading those runs code."""
    if trust:
        return
    for name in names:
        if not name.endswith("_config.json"):
            continue
        text = archive.read(name)
        try:
            config = json.loads(text).get("config", {})
        except ValueError as err:
            raise UnsupportedModel(f"{path}: {name} is not JSON") from err
        if any(entry.get("use_pickle") for entry in config.values()):
            raise HostileModel(
                f"{path} carries pickled tensors, which run code when they are read",
                hint="when you trust it: --trust",
            )
    legacy = [n for n in names if n.endswith((".pt", ".pth")) and "/sample_inputs/" not in n]
    if legacy:
        raise HostileModel(
            f"{path} carries a pickled {legacy[0]}", hint="when you trust it: --trust"
        )


def _folder(path: Path) -> SourceModel:
    if not any((path / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")):
        raise UnsupportedModel(
            f"{path} is a folder without saved_model.pb", hint=f"edgekit reads {READABLE}"
        )
    files = sorted(p for p in path.rglob("*") if p.is_file())
    outside = [p for p in files if not p.resolve().is_relative_to(path.resolve())]
    if outside:
        raise HostileModel(f"{outside[0]} leads outside {path}", hint="do not use this model")
    text = "\n".join(f"{file_sha256(p)} {p.relative_to(path)}" for p in files)
    digest = hashlib.sha256(text.encode()).hexdigest()
    size_bytes = sum(p.stat().st_size for p in files)
    return SourceModel(path.name, Format.SAVED_MODEL, digest, size_bytes)


def _suffix(found: Format) -> str:
    return next((suffix for suffix, kind in SUFFIXES.items() if kind == found), "")
