"""Trains a student on what a teacher answers, and on which samples its layers see alike.

request  {"student": FILE.pt2, "teacher": FILE.pt2 or "", "samples", "judged", "out": FILE.pt2,
          "checkpoint": FILE, "features": NUMBER, "int8": BOOL, "epochs", "patience", "learning_rate", "batch",
          "seed", "threads"}
reply    {"standing", "judged", "before", "epochs", "best_epoch", "features": N}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from edgekit.compress.workers import model_file
from edgekit.compress.workers.counting import standing
from edgekit.compress.workers.dataset import Batch, parts, tell
from edgekit.compress.workers.int8_rehearsal import Rehearsal
from edgekit.compress.workers.learning import Schedule, fit, make_repeatable
from edgekit.compress.workers.lifting import WIDE
from edgekit.compress.workers.losses import Answers, measure, similarity

TAPS = (1 / 3, 2 / 3, 1.0)
"""How deep the layers lie whose features are compared."""


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    make_repeatable(request["seed"], request["threads"])
    teacher = model_file.read(request["teacher"]) if request["teacher"] else None
    if teacher is not None:
        for folder in filter(None, (request["samples"], request["judged"])):
            tell(teacher.module, folder)
    train, tuning, judged = parts(request["samples"], request["judged"], request["seed"])
    student = model_file.read(request["student"])
    answers = Answers(train)
    before = measure(student.module, judged, answers)
    features = None
    if teacher is not None and request["features"] > 0:
        features = Features(student.module, teacher.module, request["features"])
    schedule = Schedule(
        request["epochs"],
        request["learning_rate"],
        request["batch"],
        request["seed"],
        request["patience"],
        request["checkpoint"],
    )
    rehearsal = Rehearsal(student.module) if request["int8"] else None
    learned = fit(
        student.module, train, tuning, schedule, extra=features.loss if features else None
    )
    if features is not None:
        features.close()
    if rehearsal is not None:
        rehearsal.end()
    after = measure(student.module, judged, answers)
    model_file.write(student, request["out"])
    return {
        "standing": standing(student.module, student.example),
        "judged": after,
        "before": before,
        "epochs": learned.epochs,
        "best_epoch": learned.best_epoch,
        "features": len(TAPS) if features else 0,
    }


class Features:
    """Layers of both models at the same relative depth, and how differently they see a batch."""

    def __init__(self, student: Any, teacher: Any, weight: float) -> None:
        self.teacher = teacher.eval()
        self.weight = weight
        self.ours: dict[int, Any] = {}
        self.theirs: dict[int, Any] = {}
        self.hooks = [
            *_tapped(student, self.ours),
            *_tapped(teacher, self.theirs),
        ]

    def loss(self, module: Any, batch: Batch) -> Any:  # Any: a module, a tensor
        """After the student saw the batch: the same batch through the teacher, compared."""
        with torch.no_grad():
            self.teacher(*batch.inputs)
        found = [similarity(self.ours[i], self.theirs[i]) for i in self.ours]
        return self.weight * sum(found) / len(found)

    def close(self) -> None:
        """Takes the hooks out, which an exported model must not have."""
        for hook in self.hooks:
            hook.remove()


def _tapped(module: Any, into: dict[int, Any]) -> list[Any]:
    layers = [layer for layer in module.modules() if isinstance(layer, WIDE)]
    chosen = [layers[max(0, round(share * len(layers)) - 1)] for share in TAPS]

    def keep(i: int) -> Callable[[Any, Any, Any], None]:
        def hook(layer: Any, inputs: Any, output: Any) -> None:
            into[i] = output

        return hook

    return [layer.register_forward_hook(keep(i)) for i, layer in enumerate(chosen)]
