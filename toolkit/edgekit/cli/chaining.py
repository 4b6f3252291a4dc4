"""Prune, distil, quantize: one command, one card of every step."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.output import Output
from edgekit.core.compression import Compression, CompressionStep, Standing
from edgekit.core.errors import GateFailed
from edgekit.core.record import Unavailable

if TYPE_CHECKING:
    from edgekit.compress.request import PruneRequest
    from edgekit.core.artifact import ModelArtifact

ARTIFACT = "artifact"


@dataclass(frozen=True)
class Quantize:
    """How the chain ends."""

    profile: str
    engine: str
    recipe: str
    calibration: Path


def run_chain(
    request: PruneRequest, quantize: Quantize, out: Path, output: Output
) -> tuple[Compression, Path]:
    """Prunes, teaches what is left with the original as teacher, converts within the budget.

    Gives the card of all steps and the trained model; the artifact lies in ``out``/artifact when a
    recipe keeps what is left of the allowed drop.
    """
    from edgekit.compress.distilling import DistillRequest, distill
    from edgekit.compress.pruning import prune

    with tempfile.TemporaryDirectory(prefix="edgekit-chain-") as scratch:
        pruned_card, pruned = prune(request, output.note)
        student = Path(scratch) / "pruned.pt2"
        shutil.copyfile(pruned, student)
        taught_card, taught = distill(
            DistillRequest(request.subject, str(student), target=request.target), output.note
        )
    shutil.rmtree(pruned.parent, ignore_errors=True)
    end = _End(request, quantize, out, output, pruned_card.original)
    card = replace(
        pruned_card,
        steps=(*pruned_card.steps, *taught_card.steps),
        missed=request.target.missed(taught_card.result, pruned_card.original),
        warnings=taught_card.warnings,
    )
    return end.quantized(card, taught)


@dataclass(frozen=True)
class _End:
    """The last steps of a chain: quantization, and training for it when it costs too much."""

    request: PruneRequest
    quantize: Quantize
    out: Path
    output: Output
    original: Standing

    def quantized(self, card: Compression, model: Path) -> tuple[Compression, Path]:
        """The card with what became of quantizing, and the float model behind it."""
        from edgekit.compress.distilling import DistillRequest, distill

        step, why = self._try(card.result, model)
        if step is None:
            self.output.note(f"{why}; training for int8")
            subject = self.request.subject
            aware_card, aware = distill(
                DistillRequest(subject, str(model), is_int8=True), self.output.note
            )
            shutil.rmtree(model.parent, ignore_errors=True)
            model = aware
            card = replace(card, steps=(*card.steps, *aware_card.steps))
            step, why = self._try(card.result, model)
        if step is None:
            return replace(card, missed="; ".join(filter(None, (card.missed, why)))), model
        before = card.result
        after = replace(step.after, macs=before.macs, parameters=before.parameters)
        return replace(card, steps=(*card.steps, replace(step, after=after))), model

    def _try(self, standing: Standing, model: Path) -> tuple[CompressionStep | None, str]:
        from edgekit.compress.pruning import drop_points

        left = self.request.max_drop_points - drop_points(standing, self.original)
        if left < 0:
            lost = self.request.max_drop_points - left
            return None, f"{lost:.2f} points are lost before quantizing"
        return _quantized(self.request, self.quantize, model, left, self.out, self.output)


def _quantized(
    request: PruneRequest,
    quantize: Quantize,
    model: Path,
    left_points: float,
    out: Path,
    output: Output,
) -> tuple[CompressionStep | None, str]:
    from edgekit.convert.converting import convert
    from edgekit.convert.request import ConvertRequest

    started = time.perf_counter()
    subject = request.subject
    try:
        card = convert(
            ConvertRequest(
                model,
                quantize.profile,
                recipe=quantize.recipe,
                engine=quantize.engine,
                calibration=quantize.calibration,
                data=subject.validation,
                label=subject.label,
                pipeline=subject.pipeline,
                name=subject.model.stem,
                max_drop_points=left_points,
            ),
            out / ARTIFACT,
            progress=output.note,
        )
    except GateFailed as err:
        return None, err.message
    elapsed_s = round(time.perf_counter() - started, 1)
    parameters: dict[str, object] = {"recipe": card.recipe, "engine": card.engine}
    return CompressionStep("quantize", _standing(card), elapsed_s, parameters), ""


def _standing(card: ModelArtifact) -> Standing:
    from edgekit.core.artifact import Accuracy, Agreement

    unknown = Unavailable("as before quantizing")
    accuracy: float | Unavailable = unknown
    agreement: float | Unavailable = unknown
    if isinstance(card.accuracy, Accuracy):
        accuracy = card.accuracy.artifact
    if isinstance(card.agreement, Agreement) and card.agreement.top1_agreement is not None:
        agreement = card.agreement.top1_agreement
    return Standing(unknown, unknown, card.size_bytes, accuracy, agreement)
