"""What a student is told it did wrong: labels, the teacher's answers, the teacher's features.

Source: Hinton et al., distillation, https://arxiv.org/abs/1503.02531; Tung and Mori, similarities
within a batch as features, https://arxiv.org/abs/1907.09682.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from edgekit.compress.workers.dataset import Batch, Samples

TEMPERATURE = 2.0
"""Softens the teacher's answers so that the small scores say something too (Hinton et al. use 1-20)."""
LABEL_SHARE = 0.5
"""Of the loss, where there are labels; the rest are the teacher's answers."""


class Answers:
    """Which of the teacher's outputs holds scores, and how a model's outputs are compared with it."""

    def __init__(self, samples: Samples) -> None:
        first = next(samples.batches(64)).targets
        self.count = len(first)
        self.has_teacher = bool(first)
        self.position = (
            0
            if not first
            else next(
                (j for j, value in enumerate(first) if value.dim() == 2 and value.shape[1] > 1), -1
            )
        )

    def scores(self, outputs: list[Any]) -> Any:  # Any: tensors
        """The scores among a model's outputs; a student may give nothing else."""
        return outputs[self.position if len(outputs) == self.count else 0]

    def loss(self, outputs: list[Any], batch: Batch) -> Any:
        """How far the outputs are from the labels and from the teacher."""
        if not self.has_teacher:
            return functional.cross_entropy(_logits(outputs[0]), batch.labels)
        if self.position < 0:
            return sum(_distance(o, t) for o, t in zip(outputs, batch.targets, strict=True))
        logits, wanted = _logits(self.scores(outputs)), _logits(batch.targets[self.position])
        taught = functional.kl_div(
            functional.log_softmax(logits / TEMPERATURE, 1),
            functional.log_softmax(wanted / TEMPERATURE, 1),
            reduction="batchmean",
            log_target=True,
        )
        taught = taught * TEMPERATURE**2
        if batch.labels is None:
            return taught
        labelled = functional.cross_entropy(logits, batch.labels)
        return LABEL_SHARE * labelled + (1 - LABEL_SHARE) * taught


def _logits(value: Any) -> Any:
    """Scores as logits, whether they came as such or as probabilities."""
    if bool((value >= 0).all()) and bool((value.sum(1) - 1).abs().max() < 1e-3):
        return value.clamp_min(1e-7).log()
    return value


def _distance(value: Any, wanted: Any) -> Any:
    """Squared distance in units of the teacher's own spread."""
    return functional.mse_loss(value, wanted) / wanted.var().clamp_min(1e-6)


def similarity(ours: Any, theirs: Any) -> Any:  # Any: tensors, batch first
    """How differently two layers see which samples of a batch are alike."""
    return functional.mse_loss(_alike(ours), _alike(theirs)) * ours.shape[0]


def _alike(value: Any) -> Any:
    flat = value.flatten(1)
    return functional.normalize(flat @ flat.t(), dim=1)


def measure(module: Any, samples: Samples, answers: Answers) -> dict[str, float | int | None]:
    """Accuracy on labels, agreement with the teacher, and the mean loss."""
    from edgekit.compress.workers.dataset import EVALUATION_BATCH
    from edgekit.compress.workers.model_file import outputs_of

    module.eval()
    right = agreed = 0
    loss = 0.0
    with torch.no_grad():
        for batch in samples.batches(EVALUATION_BATCH):
            outputs = outputs_of(module(*batch.inputs))
            loss += float(answers.loss(outputs, batch)) * len(batch.inputs[0])
            if answers.position >= 0:
                chosen = answers.scores(outputs).argmax(1)
                if answers.has_teacher:
                    wanted = batch.targets[answers.position].argmax(1)
                    agreed += int((chosen == wanted).sum())
                if batch.labels is not None:
                    right += int((chosen == batch.labels).sum())
    count = len(samples)
    has_scores = answers.position >= 0
    return {
        "sample_count": count,
        "accuracy": right / count if has_scores and samples.labels is not None else None,
        "agreement": agreed / count if has_scores and answers.has_teacher else None,
        "loss": loss / count,
    }


def measure_answers(samples: Samples, answers: Answers) -> dict[str, float | int | None]:
    """The same of the teacher's own answers."""
    right = 0
    for batch in samples.batches(256):
        if answers.position >= 0 and batch.labels is not None:
            chosen = batch.targets[answers.position].argmax(1)
            right += int((chosen == batch.labels).sum())
    has_scores = answers.position >= 0
    return {
        "sample_count": len(samples),
        "accuracy": right / len(samples) if has_scores and samples.labels is not None else None,
        "agreement": 1.0 if has_scores else None,
        "loss": 0.0,
    }
