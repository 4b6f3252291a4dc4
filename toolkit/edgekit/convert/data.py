"""Calibration and evaluation samples of a conversion: disjoint, counted, hashed, in order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from edgekit.convert.request import ConvertRequest
from edgekit.core.artifact import DataReport, PipelineSpec
from edgekit.core.errors import ConfigError
from edgekit.core.record import from_plain, to_plain

CALIBRATION_LIMIT = 300
EVALUATION_LIMIT = 2000
FEW_SAMPLES = 100
RANDOM_SAMPLES = 8
WIDER = 2.0
"""An evaluation whose values span more than this many times the calibration's is of another kind."""

Call = Callable[[str, dict[str, Any]], dict[str, Any]]  # Any: JSON


@dataclass(frozen=True)
class Prepared:
    """What the samples of a conversion are."""

    source: str
    """Name of the data that the artifact is compared on."""
    count: int
    pipeline: PipelineSpec
    is_calibrated: bool
    reports: tuple[DataReport, ...]
    warnings: tuple[str, ...]


NO_DATA = Prepared("random inputs", RANDOM_SAMPLES, PipelineSpec(kind="tensor"), False, (), ())


# Any: JSON
def prepare(
    request: ConvertRequest,
    inputs: list[dict[str, Any]],
    outputs: list[dict[str, Any]],
    samples: Path,
    evaluation: Path,
    call: Call,
) -> Prepared:
    """Writes the samples folders; wrong data ends here.

    Args:
        samples: where the samples go that calibrate and that golden vectors are taken from.
        evaluation: where the labelled ones go, without those that calibrate.
        call: runs one of our workers by name.

    Raises:
        ConfigError: the data does not fit the model, or cannot calibrate it.
    """
    reading = _Reading(request, inputs, outputs, call)
    if request.calibration is not None:
        found = reading.read("calibration", request.calibration, CALIBRATION_LIMIT, samples)
        _require_variety(found, request.calibration)
    elif request.data is not None:
        found = reading.read("comparison", request.data, FEW_SAMPLES, samples)
    else:
        call("random_samples", {"inputs": inputs, "count": RANDOM_SAMPLES, "out": str(samples)})
        return NO_DATA
    if request.data is not None:
        exclude = found["digests"] if request.calibration is not None else []
        other = reading.read("evaluation", request.data, EVALUATION_LIMIT, evaluation, exclude)
        if request.calibration is not None:
            reading.compare(found, other)
    pipeline = PipelineSpec(kind="tensor")
    if found["pipeline"] and (found["pictures"] or found["pipeline"]["kind"] != "image"):
        pipeline = from_plain(PipelineSpec, found["pipeline"])
    return Prepared(
        found["what"],
        found["count"],
        pipeline,
        request.calibration is not None,
        tuple(reading.reports),
        tuple(dict.fromkeys(reading.warnings)),
    )


class _Reading:
    """Reads data in its roles and gathers what the card tells about it."""

    # Any: JSON
    def __init__(
        self,
        request: ConvertRequest,
        inputs: list[dict[str, Any]],
        outputs: list[dict[str, Any]],
        call: Call,
    ) -> None:
        self.request = request
        self.inputs = inputs
        self.classes = _classes(outputs)
        self.call = call
        self.reports: list[DataReport] = []
        self.warnings: list[str] = []

    # Any: JSON
    def read(
        self, role: str, data: Path, limit: int, out: Path, exclude: list[str] | None = None
    ) -> dict[str, Any]:
        """Writes up to ``limit`` samples; reports them unless they are only looked at."""
        pipeline = self.request.pipeline
        found = self.call(
            "samples",
            {
                "data": str(data.absolute()),
                "inputs": self.inputs,
                "pipeline": to_plain(pipeline) if pipeline.kind != "tensor" else None,
                "limit": limit,
                "label": self.request.label,
                "classes": self.classes if role != "calibration" else 0,
                "exclude": exclude or [],
                "out": str(out),
            },
        )
        if role != "comparison":  # the evaluation reads the same data once more
            digest = hashlib.sha256("".join(found["digests"]).encode()).hexdigest()
            self.reports.append(
                DataReport(role, data.name, found["count"], found["available"], digest)
            )
            self.warnings += [f"{role} ({data.name}): {note}" for note in found["notes"]]
        return found

    def compare(self, calibration: dict[str, Any], evaluation: dict[str, Any]) -> None:
        """Tells what both sets share, and where they are of different kinds."""
        if evaluation["overlap"]:
            self.warnings.append(
                f"{evaluation['overlap']} of {evaluation['count']} evaluation samples also "
                "calibrated: the accuracy flatters the artifact"
            )
        elif evaluation["left_out"]:
            self.warnings.append(
                f"{evaluation['left_out']} evaluation samples were left out, because they calibrated"
            )
        for name, (low, high) in evaluation["ranges"].items():
            known_low, known_high = calibration["ranges"][name]
            spans = sorted((high - low, known_high - known_low))
            if spans[1] > WIDER * spans[0] and spans[1] > 0:
                self.warnings.append(
                    f"input {name!r} spans {known_low:.4g} to {known_high:.4g} in the calibration "
                    f"and {low:.4g} to {high:.4g} in the evaluation: are both prepared alike?"
                )


def _require_variety(found: dict[str, Any], data: Path) -> None:  # Any: JSON
    """Samples that are all the same calibrate nothing."""
    constant = [note for note in found["notes"] if "in all" in note]
    if constant and found["count"] > 1 and len(set(found["digests"])) == 1:
        raise ConfigError(
            f"{data} calibrates nothing: {constant[0]}", hint="give about 100 typical inputs"
        )


def _classes(outputs: list[dict[str, Any]]) -> int:  # Any: JSON
    """How many scores the answer is chosen from; 0 when the outputs are no scores."""
    for output in outputs:
        size = prod(output["shape"])
        if size > 1:
            shape = output["shape"]
            return size if len([s for s in shape if s > 1]) == 1 else 0
    return 0
