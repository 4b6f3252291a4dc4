"""Magika (Apache-2.0): the type of a file from its bytes. Judged on files of known types."""

from __future__ import annotations

import json
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy

from edgekit.toolenvs.environment import ensure
from real_models.model import Metric, Progress, RealModel, folder_of, written_whole
from real_models.packages import debian_package, python_package

PACKAGE = "magika==1.0.3"
TYPES = {
    ".py": "python",
    ".pyi": "python",
    ".pyc": "pythonbytecode",
    ".so": "elf",
    ".h": "c",
    ".hpp": "cpp",
    ".cpp": "cpp",
    ".proto": "proto",
    ".json": "json",
    ".md": "markdown",
    ".rst": "rst",
    ".png": "png",
    ".jpg": "jpeg",
    ".svg": "svg",
    ".wav": "wav",
    ".gz": "gzip",
    ".zip": "zip",
    ".npy": "npy",
    ".npz": "npz",
    ".css": "css",
    ".js": "javascript",
    ".html": "html",
    ".xml": "xml",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".csv": "csv",
    ".onnx": "onnx",
    ".ttf": "ttf",
    ".pdf": "pdf",
    ".bat": "batch",
    ".ps1": "powershell",
    ".cmake": "cmake",
    ".tiff": "tiff",
}
"""File name ending to Magika's label."""
PER_TYPE = 40
SMALLEST_BYTES = 200
CALIBRATION = 200
EVALUATION = 600


def prepare(progress: Progress) -> RealModel:
    """The model, and files of the packages at hand in its form: ends of 1024 bytes."""
    package = python_package(PACKAGE, progress=progress)
    model = package / "magika" / "models" / "standard_v3_3" / "model.onnx"
    folder = folder_of("magika")
    calibration, evaluation = folder / "calibration.npz", folder / "evaluation.npz"
    if not evaluation.exists():
        progress("reading files of known types")
        config = json.loads(model.with_name("config.min.json").read_text(encoding="utf-8"))
        labels = {label: i for i, label in enumerate(config["target_labels_space"])}
        found = list(_known_files(progress))
        numpy.random.default_rng(0).shuffle(found)
        chosen = found[: CALIBRATION + EVALUATION]
        rows = numpy.stack([features(path.read_bytes(), config) for path, _ in chosen])
        numbers = numpy.array([labels[label] for _, label in chosen])
        numpy.savez_compressed(calibration, x=rows[:CALIBRATION])
        with written_whole(evaluation) as part:
            numpy.savez_compressed(part, x=rows[CALIBRATION:], y=numbers[CALIBRATION:])
    return RealModel(
        name="magika",
        model=model,
        calibration=calibration,
        evaluation=evaluation,
        metric=Metric.ACCURACY,
        about="ONNX, bytes (magika 1.0.3); files of known types from installed packages, other files calibrate",
    )


def _known_files(progress: Progress) -> Iterator[tuple[Path, str]]:
    """At most some of every type, each file's content once, in an order of their names."""
    roots = [
        Path(sysconfig.get_paths()["stdlib"]),
        ensure("torch", progress=progress).parent.parent / "lib",
        ensure("tensorflow", progress=progress).parent.parent / "lib",
        ensure("sklearn", progress=progress).parent.parent / "lib",
        debian_package("alsa-utils", progress=progress),
        debian_package("mate-backgrounds", progress=progress),
    ]
    by_type: dict[str, list[Path]] = {}
    for root in roots:
        for path in sorted(root.rglob("*")):
            label = TYPES.get(path.suffix.lower())
            if label and path.is_file() and path.stat().st_size >= SMALLEST_BYTES:
                by_type.setdefault(label, []).append(path)
    for label, paths in sorted(by_type.items()):
        for path in paths[:: max(1, len(paths) // PER_TYPE)][:PER_TYPE]:
            yield path, label


def features(content: bytes, config: Mapping[str, int]) -> numpy.ndarray:
    """[1, 2048] int32. Source: magika 1.0.3, ``_extract_features_from_seekable``."""
    block, begin, end = config["block_size"], config["beg_size"], config["end_size"]
    padding = config["padding_token"]
    head = list(content[:block].lstrip()[:begin])
    tail = list(content[-block:].rstrip()[-end:])
    head += [padding] * (begin - len(head))
    tail = [padding] * (end - len(tail)) + tail
    return numpy.array([head + tail], numpy.int32)
