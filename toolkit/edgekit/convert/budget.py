"""Budgets of accuracy: which artifact keeps them, and what to say when none does. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.convert.request import ConvertRequest
from edgekit.core.artifact import Accuracy, Agreement, ModelArtifact, Rung
from edgekit.core.errors import ConfigError, GateFailed
from edgekit.core.record import to_plain
from edgekit.core.units import format_bytes


def require_data(request: ConvertRequest) -> None:
    """Every file that is named exists, and a budget has data to be judged on.

    Raises:
        ConfigError: something is missing.
    """
    for path in (request.calibration, request.data, request.weights):
        if path is not None and not path.exists():
            raise ConfigError(
                f"{path}: no such file or folder",
                hint="numpy.savez('samples.npz', x=inputs) makes one; or a folder of pictures",
            )
    if request.max_drop_points is not None and request.data is None:
        raise ConfigError("--max-drop needs labelled samples", hint="--data labelled.npz")
    if request.min_agreement is not None and request.data is None and request.calibration is None:
        raise ConfigError("--min-agreement needs samples", hint="--data or --calibration")
    if request.min_agreement is not None and not 0 <= request.min_agreement <= 1:
        raise ConfigError(f"--min-agreement {request.min_agreement:g}: expected a share 0..1")


def judge(card: ModelArtifact, request: ConvertRequest) -> Rung:
    """The artifact against the request's budgets."""
    accuracy = card.accuracy if isinstance(card.accuracy, Accuracy) else None
    agreement = card.agreement if isinstance(card.agreement, Agreement) else None
    drop = accuracy.drop_points if accuracy else None
    top1 = agreement.top1_agreement if agreement else None
    missed = []
    limit, floor = request.max_drop_points, request.min_agreement
    if limit is not None and (drop is None or drop > limit):
        shown = "no labels" if drop is None else f"drop {drop:.2f} points"
        missed.append(f"{shown}, --max-drop {limit:g}")
    if floor is not None and (top1 is None or top1 < floor):
        shown = "no scores to compare" if top1 is None else f"agreement {top1:.3f}"
        missed.append(f"{shown}, --min-agreement {floor:g}")
    return Rung(card.engine, card.recipe, card.size_bytes, drop, top1, "; ".join(missed))


def describe_rung(rung: Rung) -> str:
    """One line about a recipe that was tried."""
    if rung.size_bytes is None:
        return f"{rung.recipe} on {rung.engine}: {rung.missed}"
    figures = [format_bytes(rung.size_bytes)]
    if rung.drop_points is not None:
        figures.append(f"drop {rung.drop_points:.2f} points")
    if rung.top1_agreement is not None:
        figures.append(f"agreement {rung.top1_agreement:.1%}")
    verdict = f"misses the budget ({rung.missed})" if rung.missed else "keeps the budget"
    return f"{rung.recipe} on {rung.engine}: {', '.join(figures)}: {verdict}"


def gate(rungs: Sequence[Rung]) -> GateFailed:
    """The error for a budget that nothing keeps, with the best candidate."""
    made = [rung for rung in rungs if rung.size_bytes is not None]
    best = min(made, key=lambda r: (r.drop_points or 0.0, -(r.top1_agreement or 0.0)))
    return GateFailed(
        f"no recipe keeps the budget; the nearest: {describe_rung(best)}",
        hint="a wider budget, more typical --calibration samples, or another --engine",
        details={"rungs": [to_plain(rung) for rung in rungs]},
    )
