"""One conversion's files and the calls into tool environments that make them."""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgekit.convert.data import FEW_SAMPLES, NO_DATA, prepare
from edgekit.convert.proof import prove
from edgekit.convert.recipes import FLOAT, STATIC
from edgekit.convert.request import ConvertRequest
from edgekit.convert.routes import ENGINE_FORMAT, Step
from edgekit.convert.runtimes import newest_opset, runtime_versions
from edgekit.core.artifact import (
    NO_LICENCE,
    Accuracy,
    Agreement,
    FileEntry,
    Format,
    GoldenVectors,
    ModelArtifact,
    ModelContents,
    ModelStructure,
    PipelineSpec,
    Proof,
    SourceModel,
    StepReport,
    TensorSpec,
)
from edgekit.core.errors import StepFailed
from edgekit.core.record import Unavailable, from_plain, to_plain
from edgekit.core.units import format_bytes
from edgekit.profiles.device import load_profile
from edgekit.toolenvs import worker

WORKERS = "edgekit.convert.workers"
SOURCE_ENVIRONMENTS = {
    Format.PYTORCH: "torch",
    Format.KERAS: "tensorflow",
    Format.SAVED_MODEL: "tensorflow",
    Format.ONNX: "onnx",
    Format.TFLITE: "onnx",
    Format.SKLEARN: "sklearn",
}
"""Where a format can be run for reference outputs."""
MODEL_FILES = {
    Format.TFLITE: "model.tflite",
    Format.ONNX: "model.onnx",
    Format.OPENVINO: "model.xml",
    Format.SAVED_MODEL: "saved_model",
}
GOLDEN_SAMPLES = 4
FLOAT_LOWEST_COSINE = 0.999
"""A float conversion below this is wrong, not inexact: exact routes give 1.000000."""
BROKEN_COSINE = 0.5
"""A quantized model below this lost its function."""
LOW_AGREEMENT = 0.9
FLOAT_SHARE = 0.5
"""An int8 file with more float32 than this share of its weights did not become small."""


FILE_KEYS = ("model", "out", "weights", "samples")
"""Of a step's request: paths of a scratch folder say nothing in a card."""


class Work:
    """A conversion in progress, in a scratch folder."""

    def __init__(
        self,
        request: ConvertRequest,
        source: SourceModel,
        engine: str,
        recipe: str,
        folder: Path,
        progress: Callable[[str], None],
    ) -> None:
        self.request = request
        self.source = source
        self.engine = engine
        self.recipe = recipe
        self.folder = folder
        self.progress = progress
        self.target = ENGINE_FORMAT[engine]
        self.artifact = folder / "artifact"
        self.artifact.mkdir()
        self.inputs: list[dict[str, Any]] = []  # Any: JSON
        self.channel_last: list[int] = []
        self.reports: list[StepReport] = []
        self.warnings: list[str] = []
        self.data = NO_DATA

    def describe(self) -> None:
        """Reads the source's inputs and prepares the samples; wrong data ends here."""
        self.progress(f"reading {self.source.name} ({self.source.format.value})")
        reply = self._source(samples="", out="")
        self.inputs = reply["inputs"]
        self.data = prepare(
            self.request,
            self.inputs,
            reply["outputs"],
            self.samples,
            self.evaluation,
            functools.partial(self._call, "onnx"),
        )
        self.warnings += self.data.warnings
        if self.data.is_calibrated and self.recipe == STATIC and self.data.count < FEW_SAMPLES:
            self.warnings.append(
                f"{self.data.count} calibration samples are few; {FEW_SAMPLES} or more give "
                "steadier ranges"
            )

    @property
    def samples(self) -> Path:
        """The samples folder: what calibrates, and what golden vectors are taken from."""
        return self.folder / "samples"

    @property
    def evaluation(self) -> Path:
        """The labelled samples; may not exist."""
        return self.folder / "evaluation"

    def route(self, steps: tuple[Step, ...]) -> Path:
        """Applies the steps that change the format; gives the float model."""
        model = self.request.model.absolute()
        for i, step in enumerate(s for s in steps if not s.recipe):
            out = self.folder / f"{i}" / MODEL_FILES[step.target]
            out.parent.mkdir()
            model = self._step(step, model, out)
        return model

    def quantize(self, steps: tuple[Step, ...], float_model: Path) -> Path:
        """Applies the recipe's step, when there is one."""
        model = float_model
        for step in steps:
            if step.recipe:
                out = self.folder / "quantized" / MODEL_FILES[step.target]
                out.parent.mkdir()
                model = self._step(step, model, out)
        return model

    def finish(self, float_model: Path, model: Path) -> ModelArtifact:
        """Verifies the model against the original and writes all but the card."""
        name = MODEL_FILES[self.target]
        for path in model_files(model):
            (self.artifact / name).with_suffix(path.suffix).write_bytes(path.read_bytes())
        self.progress("checking it against the original")
        reference = self.folder / "reference"
        self._source(samples=str(self.samples), out=str(reference))
        evaluation_reference = ""
        if self.evaluation.exists():
            evaluation_reference = str(self.folder / "evaluation_reference")
            self._source(samples=str(self.evaluation), out=evaluation_reference)
        reply = self._call(
            "onnx",
            "finish",
            {
                "engine": self.engine,
                "format": self.target.value,
                "model": str(self.artifact / name),
                "samples": str(self.samples),
                "reference": str(reference),
                "evaluation": str(self.evaluation) if evaluation_reference else "",
                "evaluation_reference": evaluation_reference,
                "channel_last": self.channel_last,
                "names": self._names(),
                "layouts": [_layout(spec["shape"]) for spec in self.inputs],
                "golden": str(self.artifact / "golden"),
                "golden_count": GOLDEN_SAMPLES,
                "vectors": str(self.folder / "vectors"),
                "quantized": self.recipe != FLOAT,
            },
        )
        card = self._card(reply, name, float_model)
        proofs = self._prove(name)
        return replace(card, proofs=proofs, warnings=tuple(self.warnings))

    def _prove(self, name: str) -> tuple[Proof, ...] | Unavailable:
        """Runs the artifact in every runtime version that the profile's boards have."""
        wanted = runtime_versions(load_profile(self.request.profile), self.engine)
        shown = f"{self.engine} {', '.join(wanted)}"
        if not wanted:
            return Unavailable(f"{self.engine} cannot be had on this machine")
        if not self.request.proof:
            self.warnings.append(f"not proven on {shown}, which the boards have (--no-proof)")
            return Unavailable("left out (--no-proof)")
        self.progress(f"proving it on {shown}")
        return tuple(
            prove(
                self.engine,
                version,
                model=self.artifact / name,
                vectors=self.folder / "vectors",
                recipe=self.recipe,
                progress=self.progress,
            )
            for version in wanted
        )

    # Any: JSON
    def _card(self, reply: dict[str, Any], name: str, float_model: Path) -> ModelArtifact:
        data = self.data.source
        if self.evaluation.exists() and self.request.data is not None:
            data = self.request.data.name
        agreement = from_plain(Agreement, reply["agreement"] | {"data": data})
        self._require_faithful(agreement)
        accuracy: Accuracy | Unavailable = Unavailable("no labelled data was given (--data)")
        if reply["accuracy"]:
            accuracy = from_plain(Accuracy, reply["accuracy"] | {"metric": "top-1", "data": data})
        elif self.request.data is not None:
            accuracy = Unavailable(f"{self.request.data.name} has no labels")
        inputs = tuple(from_plain(TensorSpec, spec) for spec in reply["inputs"])
        entries = file_entries(self.artifact)
        pipeline = self.data.pipeline
        if pipeline.kind == "image" and inputs[0].layout:
            pipeline = from_plain(PipelineSpec, to_plain(pipeline) | {"layout": inputs[0].layout})
        calibration = ""
        if self.data.is_calibrated and self.recipe == STATIC:
            calibration = f"{self.data.source}, {self.data.count} samples, min-max"
        licence = reply["contents"].pop("licence")
        contents = from_plain(ModelContents, reply["contents"])
        self._require_small(contents)
        return ModelArtifact(
            name=self.source.name,
            format=self.target,
            engine=self.engine,
            profile=load_profile(self.request.profile).id,
            recipe=self.recipe,
            model=name,
            files=entries,
            inputs=inputs,
            outputs=tuple(from_plain(TensorSpec, spec) for spec in reply["outputs"]),
            source=self.source,
            size_bytes=sum(e.size_bytes for e in entries if not e.path.startswith("golden/")),
            float_size_bytes=sum(p.stat().st_size for p in model_files(float_model)),
            structure=from_plain(ModelStructure, reply["structure"]),
            agreement=agreement,
            accuracy=accuracy,
            pipeline=pipeline,
            golden=from_plain(GoldenVectors, reply["golden"]),
            steps=tuple(self.reports),
            elapsed_s=0.0,
            calibration=calibration,
            data=self.data.reports,
            contents=contents,
            licence=self.request.licence or licence or NO_LICENCE,
            warnings=tuple(self.warnings),
        )

    def _require_small(self, contents: ModelContents) -> None:
        """Tells where an artifact that is called int8 stores floats."""
        stored = sum(contents.weights_bytes.values())
        floats = contents.weights_bytes.get("float32", 0) + contents.weights_bytes.get("f32", 0)
        if "int8" in self.recipe and floats > FLOAT_SHARE * stored:
            self.warnings.append(
                f"{format_bytes(floats)} of {format_bytes(stored)} of weights are still float32"
            )

    def _require_faithful(self, agreement: Agreement) -> None:
        if self.recipe == FLOAT:
            if agreement.cosine < FLOAT_LOWEST_COSINE:
                raise StepFailed(
                    f"the converted model is wrong: its outputs differ by "
                    f"{agreement.max_deviation:.3g} (cosine {agreement.cosine:.4f})",
                    hint="--engine onnxruntime, or report the model",
                )
            return
        if agreement.cosine < BROKEN_COSINE:
            raise StepFailed(
                f"{self.recipe} destroys this model: lowest cosine similarity "
                f"{agreement.cosine:.3f} against the original",
                hint="more typical --calibration samples, or --recipe float",
            )
        top1 = agreement.top1_agreement
        if top1 is not None and top1 < LOW_AGREEMENT:
            self.warnings.append(
                f"the quantized model agrees with the original on {top1:.0%} of "
                f"{agreement.sample_count} samples only"
            )

    def _step(self, step: Step, model: Path, out: Path) -> Path:
        self.progress(f"{step.name}{' ' + step.recipe if step.recipe else ''}")
        started = time.perf_counter()
        request = {
            "model": str(model),
            "out": str(out),
            "trust": self.request.trust,
            "weights": self._weights(),
            "shapes": self._shapes(),
            "samples": str(self.samples),
            "recipe": step.recipe,
            "arch": load_profile(self.request.profile).arch,
            "opset": newest_opset(load_profile(self.request.profile), self.engine),
            "channel_last": self.channel_last,
            "names": self._names(),
        }
        reply = worker.call(step.environment, step.module, request, progress=self.progress)
        if not out.exists() or not any(p.stat().st_size for p in model_files(out)):
            raise StepFailed(f"{step.name} wrote no model")
        self.channel_last = reply["channel_last"] or self.channel_last
        elapsed_s = round(time.perf_counter() - started, 3)
        report = StepReport(
            step.name,
            elapsed_s,
            reply["tools"],
            tuple(reply["warnings"]),
            {name: value for name, value in request.items() if name not in FILE_KEYS and value},
        )
        self.reports.append(report)
        size = format_bytes(sum(p.stat().st_size for p in model_files(out)))
        self.progress(f"  {size}, {elapsed_s:.1f} s")
        return out

    def _source(self, *, samples: str, out: str) -> dict[str, Any]:  # Any: JSON
        request = {
            "format": self.source.format.value,
            "model": str(self.request.model.absolute()),
            "trust": self.request.trust,
            "weights": self._weights(),
            "shapes": self._shapes(),
            "samples": samples,
            "out": out,
        }
        return self._call(SOURCE_ENVIRONMENTS[self.source.format], "source", request)

    # Any: JSON
    def _call(self, environment: str, module: str, request: dict[str, Any]) -> dict[str, Any]:
        return worker.call(environment, f"{WORKERS}.{module}", request, progress=self.progress)

    def _names(self) -> list[str]:
        return [str(spec["name"]) for spec in self.inputs]

    def _weights(self) -> str:
        return str(self.request.weights.absolute()) if self.request.weights else ""

    def _shapes(self) -> dict[str, list[int]]:
        return {name: list(shape) for name, shape in self.request.shapes.items()}


def model_files(model: Path) -> tuple[Path, ...]:
    """The files that make up a model: an OpenVINO IR has its weights beside it."""
    if model.is_dir():
        return tuple(sorted(p for p in model.rglob("*") if p.is_file()))
    weights = model.with_suffix(".bin")
    return (model, weights) if model.suffix == ".xml" and weights.exists() else (model,)


def file_entries(folder: Path) -> tuple[FileEntry, ...]:
    """Every file of a folder with its hash."""
    entries = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        entries.append(FileEntry(path.relative_to(folder).as_posix(), digest, len(data)))
    return tuple(entries)


def _layout(shape: list[int]) -> str:
    """NCHW or NHWC where the shape of a picture input tells it."""
    if len(shape) != 4:
        return ""
    if shape[1] in (1, 3, 4) and shape[3] > 4:
        return "NCHW"
    return "NHWC" if shape[3] in (1, 3, 4) else ""
