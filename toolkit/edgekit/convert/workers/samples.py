"""Turns what a person gave as data into the samples of a conversion, row by row.

request  {"data": PATH, "inputs": [{"name", "shape", "dtype"}], "pipeline": PipelineSpec or None,
          "limit": N, "label": NAME or "", "classes": N or 0, "exclude": [DIGEST], "out": FOLDER}
reply    {"count": N, "available": N, "labels": BOOL, "pictures": BOOL, "pipeline": PipelineSpec,
          "what": TEXT, "digests": [DIGEST], "left_out": N, "overlap": N,
          "ranges": {NAME: [LOW, HIGH]}, "notes": [TEXT]}

An .npz holds an array per input (under its name, or ``x``/``images`` for a single one), samples
first, and optionally ``y`` or ``labels``; an .npy is the single input; uint8 [n, h, w, 3] arrays are
pictures. A folder holds pictures or .wav files, directly or in one folder per class. A CSV has a
header line and a column per feature. A Python file has ``samples()``, which yields arrays, or
``(input, label)`` pairs.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy

from edgekit.convert.workers.samples_arrays import read_arrays
from edgekit.convert.workers.samples_audio import read_audio
from edgekit.convert.workers.samples_checks import Ranges, checked, input_of
from edgekit.convert.workers.samples_file import RowFolder
from edgekit.convert.workers.samples_loader import read_loader
from edgekit.convert.workers.samples_pictures import fitted, picture_size, read_pictures
from edgekit.convert.workers.samples_rows import DataRequest, Row, RowStream
from edgekit.convert.workers.samples_tables import read_table
from edgekit.core.errors import ConfigError

FORMS = ".npz, .npy, .csv, a folder of pictures or .wav files, or a Python file with samples()"
ENOUGH = 100
"""Samples that may be left out of an evaluation because they calibrate, when so many stay."""


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    data = DataRequest(
        Path(request["data"]),
        request["inputs"],
        request["pipeline"],
        request["limit"],
        request["label"],
    )
    stream = open_data(data)
    exclude = set(request["exclude"])
    reading = _Reading(data, stream, request)
    reading.read(exclude)
    if exclude and reading.left_out and not reading.has_enough:
        # nothing else to judge on: kept, and told
        reading = _Reading(data, stream, request)
        reading.read(set())
    return reading.reply(exclude)


def open_data(data: DataRequest) -> RowStream:
    """The rows of any form of data.

    Raises:
        ConfigError: it is of no form that is read.
    """
    path = data.path
    if path.is_dir():
        sounds = sorted(p for p in path.rglob("*") if p.suffix.lower() == ".wav")
        return read_audio(data, sounds) if sounds else read_pictures(data)
    kinds = {".npz": read_arrays, ".npy": read_arrays, ".csv": read_table, ".py": read_loader}
    read = kinds.get(path.suffix.lower())
    if read is None:
        raise ConfigError(f"{path} is no data that edgekit reads", hint=f"give {FORMS}")
    return read(data)


class _Reading:
    """One pass over the rows into the samples folder."""

    def __init__(self, data: DataRequest, stream: RowStream, request: dict[str, Any]) -> None:
        self.data = data
        self.stream = stream
        self.out = request["out"]
        self.classes = request["classes"]
        self.pipeline: dict[str, Any] = dict(data.pipeline or {})
        self.ranges = Ranges(data)
        self.digests: list[str] = []
        self.seen = self.left_out = self.labelled = 0
        self.has_pictures = False

    @property
    def has_enough(self) -> bool:
        """True when what is left still judges a model."""
        return len(self.digests) >= min(ENOUGH, max(1, self.seen / 2))

    def read(self, exclude: set[str]) -> None:
        """Writes every row that is not to be left out.

        Raises:
            ConfigError: a row does not fit the model.
        """
        shutil.rmtree(self.out, ignore_errors=True)
        with RowFolder(self.out) as folder:
            for row in self.stream.rows(self.data.limit):
                self.seen += 1
                self._add(row, folder, exclude)
        if not self.seen:
            raise ConfigError(f"{self.data.path} holds no samples")
        if self.labelled not in (0, len(self.digests)):
            raise ConfigError(
                f"{self.data.path}: {self.labelled} of {len(self.digests)} samples have labels"
            )

    def _add(self, row: Row, folder: RowFolder, exclude: set[str]) -> None:
        picture, inputs = row.picture, row.inputs
        if picture is not None:
            picture, inputs = self._from_picture(picture)
        arrays = [
            checked(array, spec, self.data) if picture is None else array
            for array, spec in zip(inputs, self.data.specs, strict=True)
        ]
        digest = _digest(arrays if picture is None else [picture])
        if digest in exclude:
            self.left_out += 1
            return
        self.digests.append(digest)
        self.ranges.add(arrays)
        for j, array in enumerate(arrays):
            folder.append(f"input_{j}", array)
        if picture is not None:
            self.has_pictures = True
            folder.append("pictures", picture)
        if row.label is not None:
            self._require_class(row.label)
            self.labelled += 1
            folder.append("labels", numpy.int64(row.label))

    def _from_picture(self, picture: Any) -> tuple[Any, list[Any]]:
        if self.pipeline.get("kind") != "image":
            raise ConfigError(
                f"{self.data.path} holds pictures (uint8), and nothing says how they become inputs",
                hint="--pipeline imagenet (or unit, signed, raw, mean=127,std=128)",
            )
        height, width, layout = picture_size(self.data)
        self.pipeline |= {"height": height, "width": width, "layout": layout}
        picture = fitted(picture, height, width)
        return picture, [input_of(picture, self.data.specs[0], self.pipeline)]

    def _require_class(self, label: int) -> None:
        if label < 0 or (self.classes and label >= self.classes):
            shown = f"the model has {self.classes} classes" if self.classes else "none may be"
            raise ConfigError(
                f"{self.data.path}: sample {self.seen} has the label {label}, {shown}",
                hint="labels are positions in the model's scores, from 0",
            )

    def reply(self, exclude: set[str]) -> dict[str, Any]:
        """What is told about the samples."""
        notes = [*self.stream.notes, *self.ranges.notes()]
        return {
            "count": len(self.digests),
            "available": self.stream.count or self.seen,
            "labels": self.labelled > 0,
            "pictures": self.has_pictures,
            "pipeline": self.pipeline,
            "what": self.data.path.name,
            "digests": self.digests,
            "left_out": self.left_out,
            "overlap": len(exclude & set(self.digests)),
            "ranges": self.ranges.plain(),
            "notes": notes,
        }


def _digest(arrays: list[Any]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(numpy.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:32]
