"""Distillation: a student learns a teacher's answers, with or without labels."""

from __future__ import annotations

import json
import re
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgekit.compress.materials import Materials, gather, in_torch, standing_of
from edgekit.compress.pruning import describe, drop_points
from edgekit.compress.request import Progress, Subject, Timer
from edgekit.compress.targets import Target
from edgekit.compress.timing import Pacer
from edgekit.convert.detect import detect
from edgekit.core.compression import Compression, CompressionStep, Standing
from edgekit.core.errors import ConfigError, UsageFault
from edgekit.core.record import from_plain, to_plain, write_atomically

WIDTH = re.compile(r"width:(0?\.\d+)")
PATIENCE = 4
"""Epochs without a gain on the tuning part after which a student is done."""
FEATURES = 1.0
"""Weight of the features beside the answers; 0 leaves them out."""


@dataclass(frozen=True)
class DistillRequest:
    """A teacher, a student, and what the student has to keep."""

    teacher: Subject
    student: str
    """A model file, a builder, or ``width:0.5`` for the teacher with half the channels."""
    student_weights: Path | None = None
    max_drop_points: float | None = None
    target: Target | None = None
    features: float = FEATURES
    patience: int = PATIENCE
    is_int8: bool = False
    """Trains with weights and activations rounded as int8 will: for models that quantization breaks."""


def distill(
    request: DistillRequest, progress: Progress, *, timer: Timer | None = None
) -> tuple[Compression, Path]:
    """Trains the student; gives the card and the model file, which stays in the cache.

    A killed distillation goes on from its last epoch.

    Raises:
        ConfigError: teacher and student take different inputs.
        UsageFault: the student is no file and no width.
        ConvertError: the student cannot be trained.
    """
    teacher = request.teacher
    student_path = _require_student(request.student)
    settings = {
        "distill": repr(replace(request, teacher=replace(teacher, model=Path(), data=Path()))),
        "student": detect(student_path, trust=teacher.trust).sha256 if student_path else "",
        "timer": timer is not None,
    }
    materials = gather(teacher, settings, progress, answers_suffice=True)
    original, count = materials.original()
    student = materials.folder / "student.pt2"
    if not student.exists():
        _make_student(request, student_path, materials, student)
    pacer = Pacer(materials, timer) if timer or _wants_time(request) else None
    if pacer is not None and materials.is_in_torch:
        original = replace(original, timing=pacer.original())
    progress(f"teacher: {describe(original)}")
    step = _learn(request, materials, student, pacer)
    progress(f"student: {describe(step.after)} {step.note}")
    missed = request.target.missed(step.after, original) if request.target else ""
    lost = drop_points(step.after, original)
    if request.max_drop_points is not None and lost > request.max_drop_points:
        missed = f"{missed}; " if missed else ""
        missed += f"{lost:.2f} points lost, {request.max_drop_points:g} are allowed"
    card = Compression(
        name=materials.source.name,
        source=materials.source,
        target=request.target.text if request.target else "",
        missed=missed,
        files=(),
        original=original,
        steps=(step,),
        data=materials.data,
        judged_count=count,
        seed=teacher.training.seed,
        tools=materials.tools,
        warnings=materials.warnings,
    )
    return card, materials.folder / "taught.pt2"


def _wants_time(request: DistillRequest) -> bool:
    return request.target is not None and request.target.is_time


def _require_student(text: str) -> Path | None:
    """The student's file, or None for a share of the teacher's width."""
    if WIDTH.fullmatch(text):
        return None
    if text.startswith("width:") or not Path(text).exists():
        raise UsageFault(
            f"{text!r} is no student: neither a model file nor a width",
            hint="--student build.py --trust, --student pruned/model.pt2, or --student width:0.5",
        )
    return Path(text)


def _make_student(
    request: DistillRequest, path: Path | None, materials: Materials, out: Path
) -> None:
    if path is None:
        if not materials.is_in_torch:
            raise UsageFault(
                "PyTorch cannot hold this teacher, so that there is nothing to narrow",
                hint="--student build.py --trust",
            )
        share = float(request.student.partition(":")[2])
        materials.call("narrow", {"model": str(materials.model), "share": share, "out": str(out)})
        return
    shapes = {str(s["name"]): tuple(int(v) for v in s["shape"]) for s in materials.inputs}
    subject = replace(
        request.teacher,
        model=path,
        weights=request.student_weights,
        shapes=shapes if path.suffix in (".py", ".pt") else {},
    )
    scratch = materials.folder / "student"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    reply = in_torch(subject, detect(path, trust=subject.trust), out, scratch, materials.progress)
    shutil.rmtree(scratch)
    ours = [list(spec["shape"]) for spec in reply["inputs"]]
    theirs = [list(spec["shape"]) for spec in materials.inputs]
    outputs = [list(spec["shape"]) for spec in reply["outputs"]]
    wanted = [list(spec["shape"]) for spec in materials.outputs]
    if ours != theirs or (outputs != wanted and not (len(outputs) == 1 and outputs[0] in wanted)):
        out.unlink(missing_ok=True)
        raise ConfigError(
            f"the student maps {ours} to {outputs}, the teacher {theirs} to {wanted}",
            hint="a student takes the teacher's inputs and gives its outputs",
        )


def _learn(
    request: DistillRequest, materials: Materials, student: Path, pacer: Pacer | None
) -> CompressionStep:
    out = materials.folder / "taught.pt2"
    noted = out.with_suffix(".json")
    if noted.exists():
        return from_plain(CompressionStep, json.loads(noted.read_text(encoding="utf-8")))
    started = time.perf_counter()
    training = request.teacher.training
    asked: dict[str, Any] = {  # Any: JSON
        "epochs": training.epochs,
        "patience": request.patience,
        "learning_rate": training.learning_rate,
        "features": request.features,
        "int8": request.is_int8,
    }
    materials.progress(f"teaching for up to {training.epochs} epochs")
    reply = materials.call(
        "distill",
        {
            "student": str(student),
            "teacher": str(materials.model) if materials.is_in_torch else "",
            "out": str(out),
            "checkpoint": str(materials.folder / "epochs.pt"),
            **asked,
        },
    )
    standing: Standing = standing_of(reply)
    if pacer is not None:
        standing = replace(standing, timing=pacer.against_original(out))
    before = reply["before"]["accuracy"] or reply["before"]["agreement"]
    note = f"(best epoch {reply['best_epoch'] + 1} of {reply['epochs']}"
    note += f", {before:.2%} before)" if before is not None else ")"
    asked["student"] = request.student
    elapsed_s = round(time.perf_counter() - started, 1)
    step = CompressionStep(
        "int8-aware" if request.is_int8 else "distill", standing, elapsed_s, asked, note
    )
    write_atomically(noted, json.dumps(to_plain(step)))
    return step
