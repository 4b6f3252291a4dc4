"""Looks into a model file or an artifact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgekit.convert.detect import detect
from edgekit.core.artifact import (
    Format,
    ModelContents,
    ModelStructure,
    SourceModel,
    TensorSpec,
)
from edgekit.core.errors import UnsupportedModel
from edgekit.core.record import Record, Unavailable, from_plain
from edgekit.toolenvs import worker

READABLE = (Format.TFLITE, Format.ONNX, Format.OPENVINO)


@dataclass(frozen=True)
class Inspection(Record):
    """What a model file holds."""

    KIND: ClassVar[str] = "edgekit.inspection"

    source: SourceModel
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    structure: ModelStructure
    contents: ModelContents
    licence: str | Unavailable


def inspect_model(
    path: Path, *, progress: Callable[[str], None] = lambda message: None
) -> Inspection:
    """Reads a TFLite, ONNX or OpenVINO file.

    Raises:
        ConvertError: it is none of these, damaged, or hostile.
    """
    source = detect(path)
    if source.format not in READABLE:
        raise UnsupportedModel(
            f"{path} is {source.format.value}; inspect reads TFLite, ONNX and OpenVINO files",
            hint=f"edgekit convert {path} --profile raspberrypi --recipe float",
        )
    request = {"format": source.format.value, "model": str(path.absolute())}
    reply = worker.call(
        "onnx", "edgekit.convert.workers.inspect_model", request, progress=progress
    )
    return Inspection(
        source=source,
        inputs=tuple(from_plain(TensorSpec, spec) for spec in reply["inputs"]),
        outputs=tuple(from_plain(TensorSpec, spec) for spec in reply["outputs"]),
        structure=from_plain(ModelStructure, reply["structure"]),
        contents=from_plain(ModelContents, reply["contents"]),
        licence=reply["licence"] or Unavailable("the file states none"),
    )
