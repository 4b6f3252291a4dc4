"""A model and its data, brought into the form that every step works on, in a folder of its own.

The folder's name is the hash of everything that decides what comes out. What a killed compression
had reached lies there, and the same command goes on from it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgekit import __version__
from edgekit.compress.request import Progress, Subject
from edgekit.convert.detect import content_sha256, detect
from edgekit.convert.routes import find_route
from edgekit.convert.work import SOURCE_ENVIRONMENTS
from edgekit.core.artifact import DataReport, Format, SourceModel
from edgekit.core.compression import Standing
from edgekit.core.errors import StepFailed, UnsupportedModel
from edgekit.core.record import Unavailable, to_plain, write_atomically
from edgekit.toolenvs import worker
from edgekit.toolenvs.environment import cache_folder
from edgekit.toolenvs.worker import Limits

ENVIRONMENT = "compress"
WORKERS = "edgekit.compress.workers"
TRAINING_LIMITS = Limits(time_s=12 * 3600)
START = "start.pt2"
IN_TORCH = (Format.PYTORCH, Format.ONNX)
NO_LABELS = Unavailable("the data has no labels")
NOT_COUNTED = Unavailable("only the teacher's answers are there")
NO_SCORES = Unavailable("no output looks like scores")


@dataclass(frozen=True)
class Materials:
    """What every step starts from."""

    subject: Subject
    source: SourceModel
    folder: Path
    inputs: tuple[dict[str, Any], ...]  # Any: JSON
    outputs: tuple[dict[str, Any], ...]
    tools: Mapping[str, str]
    data: tuple[DataReport, ...]
    warnings: tuple[str, ...]
    progress: Progress
    is_in_torch: bool = True
    """False for a teacher of which only the answers are there."""

    @property
    def model(self) -> Path:
        """The original as an exported program."""
        return self.folder / START

    @property
    def samples(self) -> Path:
        """What trains."""
        return self.folder / "samples"

    @property
    def judged(self) -> Path | None:
        """What judges, where it is data of its own."""
        return self.folder / "judged" if self.subject.validation else None

    def call(self, name: str, request: Mapping[str, object]) -> dict[str, Any]:  # Any: JSON
        """Runs one of the room's workers on these materials."""
        training = self.subject.training
        common = {
            "samples": str(self.samples),
            "judged": str(self.judged) if self.judged else "",
            "batch": training.batch,
            "seed": training.seed,
            "threads": training.threads,
        }
        return worker.call(
            ENVIRONMENT,
            f"{WORKERS}.{name}",
            common | dict(request),
            limits=TRAINING_LIMITS,
            progress=self.progress,
        )

    def judge(self, model: Path) -> tuple[Standing, int]:
        """Where a model stands, and how many samples judged it."""
        reply = self.call("judge", {"model": str(model), "teacher": str(self.model)})
        return standing_of(reply), int(reply["judged"]["sample_count"])

    def original(self) -> tuple[Standing, int]:
        """Where the original stands, and how many samples judged it."""
        if self.is_in_torch:
            return self.judge(self.model)
        reply = self.call("judge", {"model": "", "teacher": ""})
        standing = standing_of(
            reply
            | {
                "standing": dict.fromkeys(("macs", "parameters"), NOT_COUNTED)
                | {"weight_bytes": self.source.size_bytes}
            }
        )
        return standing, int(reply["judged"]["sample_count"])


def standing_of(reply: Mapping[str, Any]) -> Standing:  # Any: JSON
    """A worker's figures as a noun."""
    judged, counted = reply["judged"], reply["standing"]
    no_accuracy = NO_LABELS
    return Standing(
        macs=counted["macs"],
        parameters=counted["parameters"],
        weight_bytes=counted["weight_bytes"],
        accuracy=no_accuracy if judged["accuracy"] is None else judged["accuracy"],
        agreement=NO_SCORES if judged["agreement"] is None else judged["agreement"],
    )


def gather(
    subject: Subject,
    settings: Mapping[str, object],
    progress: Progress,
    *,
    answers_suffice: bool = False,
) -> Materials:
    """Reads model and data once; a second time they are there already.

    Args:
        subject: the model with its data.
        settings: what else decides what comes out; another setting gets another folder.
        progress: hears what takes time.
        answers_suffice: a model that PyTorch cannot hold is taken too, for its answers alone.

    Raises:
        ConvertError: the model cannot be held by PyTorch.
        ConfigError: the data does not fit the model.
    """
    source = detect(subject.model, trust=subject.trust)
    folder = cache_folder() / "compress" / _key(subject, source, settings)
    folder.mkdir(parents=True, exist_ok=True)
    noted = folder / "materials.json"
    if not noted.exists():
        progress(f"reading {source.name} ({source.format.value})")
        reply = _opened(subject, source, folder, progress, answers_suffice=answers_suffice)
        reports, warnings = _read_data(subject, reply, folder, progress)
        if not reply["in_torch"]:
            _ask(subject, source, folder, progress)
        write_atomically(
            noted, json.dumps({"reply": reply, "data": to_plain(reports), "warnings": warnings})
        )
    found = json.loads(noted.read_text(encoding="utf-8"))
    reply = found["reply"]
    return Materials(
        subject,
        source,
        folder,
        tuple(reply["inputs"]),
        tuple(reply["outputs"]),
        reply["tools"],
        tuple(DataReport(**report) for report in found["data"]),
        tuple(found["warnings"]),
        progress,
        reply["in_torch"],
    )


def in_torch(
    subject: Subject, source: SourceModel, out: Path, scratch: Path, progress: Progress
) -> dict[str, Any]:  # Any: JSON
    """Writes a model as an exported program that can be pruned and trained.

    Keras models and SavedModels go through ONNX: docs/adr/0008-compression.md says why.

    Raises:
        UnsupportedModel: PyTorch cannot hold it.
    """
    model, format_ = subject.model.absolute(), source.format
    common = {
        "trust": subject.trust,
        "weights": str(subject.weights.absolute()) if subject.weights else "",
        "shapes": {name: list(shape) for name, shape in subject.shapes.items()},
    }
    if format_ not in IN_TORCH:
        if format_ not in (Format.KERAS, Format.SAVED_MODEL):
            raise UnsupportedModel(
                f"{source.name} is {format_.value}, which cannot be trained",
                hint="prune and train the model that it was converted from, or make it a teacher: "
                "edgekit compress distill TEACHER --student build.py",
            )
        for step in find_route(format_, Format.ONNX):
            progress(step.name)
            target = scratch / (
                "saved_model" if step.target is Format.SAVED_MODEL else "model.onnx"
            )
            request = common | {"model": str(model), "out": str(target)}
            worker.call(step.environment, step.module, request, progress=progress)
            model = target
        common = common | {"shapes": {}}
        format_ = Format.ONNX
    return worker.call(
        ENVIRONMENT,
        f"{WORKERS}.open_model",
        common
        | {
            "format": format_.value,
            "model": str(model),
            "names": list(subject.shapes),
            "out": str(out),
        },
        progress=progress,
    )


# Any: JSON
def _opened(
    subject: Subject,
    source: SourceModel,
    folder: Path,
    progress: Progress,
    *,
    answers_suffice: bool,
) -> dict[str, Any]:
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        reply = in_torch(subject, source, folder / START, scratch, progress)
        return reply | {"in_torch": True}
    except (UnsupportedModel, StepFailed) as err:
        if not answers_suffice:
            raise
        progress(f"only its answers teach: {err.message}")
        return _source(subject, source, {"samples": "", "out": ""}, progress) | {
            "in_torch": False,
            "tools": {},
        }
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _ask(subject: Subject, source: SourceModel, folder: Path, progress: Progress) -> None:
    """Writes what the original answers to every sample."""
    for name in ("samples", "judged"):
        samples = folder / name
        if samples.exists():
            progress(f"asking {source.name}")
            out = folder / f"{name}-answers"
            _source(subject, source, {"samples": str(samples), "out": str(out)}, progress)
            for file in out.glob("output_*.npy"):
                file.replace(samples / file.name)
            out.rmdir()


# Any: JSON
def _source(
    subject: Subject, source: SourceModel, files: Mapping[str, str], progress: Progress
) -> dict[str, Any]:
    """The converter's own reader of originals: what goes in and out, or answers to samples."""
    request = {
        "format": source.format.value,
        "model": str(subject.model.absolute()),
        "trust": subject.trust,
        "weights": str(subject.weights.absolute()) if subject.weights else "",
        "shapes": {name: list(shape) for name, shape in subject.shapes.items()},
        **files,
    }
    environment = SOURCE_ENVIRONMENTS[source.format]
    return worker.call(
        environment,
        "edgekit.convert.workers.source",
        request,
        limits=TRAINING_LIMITS,
        progress=progress,
    )


# Any: JSON
def _read_data(
    subject: Subject, reply: dict[str, Any], folder: Path, progress: Progress
) -> tuple[tuple[DataReport, ...], list[str]]:
    reports, warnings = [], []
    roles = [("training", subject.data, folder / "samples", subject.training.samples)]
    if subject.validation is not None:
        roles.append(("evaluation", subject.validation, folder / "judged", JUDGED_LIMIT))
    digests: list[str] = []
    for role, data, out, limit in roles:
        progress(f"reading {data.name}")
        found = worker.call(
            ENVIRONMENT,
            "edgekit.convert.workers.samples",
            {
                "data": str(data.absolute()),
                "inputs": reply["inputs"],
                "pipeline": to_plain(subject.pipeline)
                if subject.pipeline.kind != "tensor"
                else None,
                "limit": limit,
                "label": subject.label,
                "classes": _classes(reply["outputs"]),
                "exclude": digests,
                "out": str(out),
            },
            progress=progress,
        )
        digest = hashlib.sha256("".join(found["digests"]).encode()).hexdigest()
        reports.append(DataReport(role, data.name, found["count"], found["available"], digest))
        warnings += [f"{role} ({data.name}): {note}" for note in found["notes"]]
        if found["overlap"]:
            warnings.append(f"{found['overlap']} samples judge that also trained: it flatters")
        digests = found["digests"]
    return tuple(reports), warnings


JUDGED_LIMIT = 5_000


def _classes(outputs: list[dict[str, Any]]) -> int:  # Any: JSON
    """How many scores the answer is chosen from; 0 when no output is [1, n]."""
    for output in outputs:
        if len(output["shape"]) == 2 and output["shape"][1] > 1:
            return int(output["shape"][1])
    return 0


def _key(subject: Subject, source: SourceModel, settings: Mapping[str, object]) -> str:
    bare = replace(subject, model=Path(), data=Path(), validation=None, weights=None)
    contents = [
        content_sha256(path) if path is not None else ""
        for path in (subject.data, subject.validation, subject.weights)
    ]
    code = sorted(Path(__file__).parent.rglob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in code)).hexdigest()
    parts = [__version__, digest, source.sha256, repr(bare), *contents, repr(dict(settings))]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
