"""One conversion's files and the calls into tool environments that make them."""

from __future__ import annotations

import functools
import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgekit.convert.budget import judge_original, metric_of
from edgekit.convert.data import NO_DATA, prepare
from edgekit.convert.request import ConvertRequest
from edgekit.convert.routes import Step
from edgekit.convert.runtimes import newest_opset
from edgekit.convert.stages import ORIGINAL, READING
from edgekit.core.artifact import (
    FileEntry,
    Format,
    LayerNoise,
    SourceModel,
    StepReport,
)
from edgekit.core.errors import ConvertError, StepFailed, UnsupportedModel
from edgekit.core.record import from_plain
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
    Format.OPENVINO: "onnx",
    Format.SKLEARN: "sklearn",
}
"""Where a format can be run for reference outputs."""
MODEL_FILES = {
    Format.TFLITE: "model.tflite",
    Format.ONNX: "model.onnx",
    Format.OPENVINO: "model.xml",
    Format.SAVED_MODEL: "saved_model",
}
FLOAT_LOWEST_SNR_DB = 50.0
"""A float conversion below this is wrong, not inexact: exact ways give 100 dB and more."""
FILE_KEYS = ("model", "out", "weights", "samples")
"""Of a step's request: paths of a scratch folder say nothing in a card."""


@dataclass(frozen=True)
class Made:
    """What steps made of a model."""

    model: Path
    channel_last: tuple[int, ...] = ()
    """Positions of inputs that are channel-last although the source's are not."""
    reports: tuple[StepReport, ...] = ()
    layers: tuple[LayerNoise, ...] = ()
    """What each layer contributes to the error, where that was measured."""
    notes: tuple[str, ...] = ()
    """What a person should know about the way that was taken."""


class Work:
    """A conversion in progress, in a scratch folder; its recipes share source and samples."""

    def __init__(
        self,
        request: ConvertRequest,
        source: SourceModel,
        folder: Path,
        progress: Callable[[str], None],
    ) -> None:
        self.request = request
        self.source = source
        self.folder = folder
        self.progress = progress
        self.inputs: list[dict[str, Any]] = []  # Any: JSON
        self.data = NO_DATA
        self.warnings: list[str] = []
        self._routes: dict[tuple[Step, ...], Made] = {}
        self._failures: dict[tuple[str, tuple[Step, ...]], ConvertError] = {}
        """Ways that failed; every recipe would fail there again."""

    def describe(self) -> None:
        """Reads the source's inputs and prepares the samples; wrong data ends here."""
        self.progress(f"{READING} {self.source.name} ({self.source.format.value})")
        reply = self._source(samples="", out="")
        self.inputs = reply["inputs"]
        self.data = prepare(
            self.request,
            self.inputs,
            reply["outputs"],
            self.samples,
            self.evaluation,
            functools.partial(self.call, "onnx"),
        )

    @property
    def samples(self) -> Path:
        """The samples folder: what calibrates, and what golden vectors are taken from."""
        return self.folder / "samples"

    @property
    def evaluation(self) -> Path:
        """The labelled samples; may not exist."""
        return self.folder / "evaluation"

    def check_original(self) -> None:
        """The original's own accuracy: a wrong layout or pipeline shows here, not as a bad artifact.

        Raises:
            ConvertError: it is not what was said.
        """
        if not self.evaluation.exists():
            return
        reply = self.call(
            "onnx",
            "original_accuracy",
            {
                "reference": str(self.reference(self.evaluation)),
                "evaluation": str(self.evaluation),
                "metric": metric_of(self.request),
            },
        )
        if reply["labels"]:
            self.warnings += judge_original(
                self.request, reply["value"], reply["sample_count"], reply["classes"]
            )

    def route(
        self, steps: tuple[Step, ...], engine: str, others: tuple[tuple[Step, ...], ...] = ()
    ) -> Made:
        """Applies the steps that change the format; gives the float model.

        Args:
            steps: the way; steps of recipes are left out.
            engine: decides which versions of the format can be read.
            others: ways for where a step fails, in order.

        Raises:
            ConvertError: a step of every way failed; the error tells of each.
        """
        notes: list[str] = []
        first: ConvertError | None = None
        for way in (steps, *others):
            told = len(self._failures)
            try:
                made = self._route(way, engine)
                if notes:
                    self._require_faithful(made, way, engine)
            except (StepFailed, UnsupportedModel) as err:
                first = first or err
                names = " -> ".join(step.name for step in way if not step.recipe)
                notes.append(f"{names} failed: {err.message}")
                if len(notes) <= len(others) and len(self._failures) > told:
                    self.progress(notes[-1])  # once, not for every recipe
                continue
            return replace(made, notes=tuple(f"another way was taken: {note}" for note in notes))
        assert first is not None
        if not others:
            raise first
        raise type(first)(f"no way leads there: {'; '.join(notes)}", hint=first.hint)

    def _require_faithful(self, made: Made, way: tuple[Step, ...], engine: str) -> None:
        """A second way has to give what the original gives, before anything is made of it.

        Raises:
            StepFailed: it does not.
        """
        target = [step for step in way if not step.recipe][-1].target
        reference = self.reference(self.samples)
        reply = self.call(
            "onnx",
            "route_check",
            {
                "engine": host_engine(engine),
                "format": target.value,
                "model": str(made.model),
                "samples": str(self.samples),
                "reference": str(reference),
                "channel_last": list(made.channel_last),
                "names": self.names(),
            },
        )
        if reply["snr_db"] is not None and reply["snr_db"] < FLOAT_LOWEST_SNR_DB:
            raise StepFailed(
                f"the float model is wrong: signal to noise {reply['snr_db']:.0f} dB against the "
                "original"
            )

    def _route(self, steps: tuple[Step, ...], engine: str) -> Made:
        """Goes one way; what ways share is done once, and what failed is not tried again."""
        wanted = tuple(step for step in steps if not step.recipe)
        made = Made(self.request.model.absolute())
        # another engine may take the same way after this one failed
        folder = Path(tempfile.mkdtemp(dir=self.folder, prefix="route-"))
        for i, step in enumerate(wanted):
            there = wanted[: i + 1]
            if (engine, there) in self._failures:
                raise self._failures[engine, there]
            if there not in self._routes:
                out = folder / f"{i}" / MODEL_FILES[step.target]
                try:
                    self._routes[there] = self.step(step, made, out, engine)
                except (StepFailed, UnsupportedModel) as err:
                    self._failures[engine, there] = err
                    raise
            made = self._routes[there]
        return made

    def reference(self, samples: Path) -> Path:
        """The original's outputs on a samples folder, computed once."""
        out = samples.with_name(f"{samples.name}-reference")
        if not out.exists():
            self.progress(f"{ORIGINAL} ({samples.name})")
            self._source(samples=str(samples), out=str(out))
        return out

    # Any: JSON
    def step(
        self,
        step: Step,
        made: Made,
        out: Path,
        engine: str,
        parameters: Mapping[str, Any] | None = None,
    ) -> Made:
        """Applies one step; ``parameters`` are those of a recipe."""
        self.progress(step_line(step))
        started = time.perf_counter()
        profile = load_profile(self.request.profile)
        out.parent.mkdir(parents=True)
        request = {
            "model": str(made.model),
            "out": str(out),
            "trust": self.request.trust,
            "weights": self._weights(),
            # the first step fixes them; exporters give inputs names of their own
            "shapes": {} if made.reports else self._shapes(),
            "samples": str(self.samples),
            "recipe": step.recipe,
            "parameters": dict(parameters or {}),
            "arch": profile.arch,
            "opset": newest_opset(profile, engine),
            "channel_last": list(made.channel_last),
            "names": self.names(),
        }
        reply = worker.call(step.environment, step.module, request, progress=self.progress)
        if not out.exists() or not any(p.stat().st_size for p in model_files(out)):
            raise StepFailed(f"{step.name} wrote no model")
        elapsed_s = round(time.perf_counter() - started, 3)
        report = StepReport(
            step.name,
            elapsed_s,
            reply["tools"],
            tuple(reply["warnings"]),
            {name: value for name, value in request.items() if name not in FILE_KEYS and value},
        )
        size = format_bytes(sum(p.stat().st_size for p in model_files(out)))
        self.progress(f"  {size}, {elapsed_s:.1f} s")
        channel_last = tuple(reply["channel_last"]) or made.channel_last
        layers = tuple(from_plain(LayerNoise, layer) for layer in reply.get("layers", ()))
        return Made(out, channel_last, (*made.reports, report), layers)

    # Any: JSON
    def call(self, environment: str, module: str, request: dict[str, Any]) -> dict[str, Any]:
        """Calls one of our workers."""
        return worker.call(environment, f"{WORKERS}.{module}", request, progress=self.progress)

    def names(self) -> list[str]:
        """Of the source's inputs."""
        return [str(spec["name"]) for spec in self.inputs]

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
        return self.call(SOURCE_ENVIRONMENTS[self.source.format], "source", request)

    def _weights(self) -> str:
        return str(self.request.weights.absolute()) if self.request.weights else ""

    def _shapes(self) -> dict[str, list[int]]:
        return {name: list(shape) for name, shape in self.request.shapes.items()}


def step_line(step: Step) -> str:
    """What progress says when it begins."""
    return f"{step.name} {step.recipe}".strip()


def host_engine(engine: str) -> str:
    """The engine that checks an artifact on this machine."""
    return "onnxruntime" if engine == "tensorrt" else engine


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
