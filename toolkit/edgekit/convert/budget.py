"""Budgets of accuracy: which artifact keeps them, and what to say when none does. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from edgekit.convert.request import ConvertRequest
from edgekit.core.artifact import Accuracy, Agreement, ModelArtifact, Rung
from edgekit.core.errors import ConfigError, ConvertError, GateFailed
from edgekit.core.record import to_plain
from edgekit.core.suggest import did_you_mean
from edgekit.core.units import format_bytes

METRICS = ("top-1", "top-5", "f1")
EXPECTED_MARGIN = 0.01
"""An original within a point of what was said is right; few samples widen it to two standard errors."""
GUESSING = 1.5
"""An accuracy below this many times that of guessing is no accuracy."""
ENOUGH_SAMPLES = 20
"""Fewer say nothing about how often an answer is right, or the same."""


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
    _require_metric(request)
    if request.max_drop_points is not None and request.data is None:
        raise ConfigError("--max-drop needs labelled samples", hint="--data labelled.npz")
    if request.min_agreement is not None and request.data is None and request.calibration is None:
        raise ConfigError("--min-agreement needs samples", hint="--data or --calibration")
    if request.min_agreement is not None and not 0 <= request.min_agreement <= 1:
        raise ConfigError(f"--min-agreement {request.min_agreement:g}: expected a share 0..1")


def _require_metric(request: ConvertRequest) -> None:
    if metric_file(request.metric) is None and request.metric not in METRICS:
        raise ConfigError(
            f"no metric is called {request.metric!r}",
            hint=f"{did_you_mean(request.metric, METRICS)}, or --metric FILE.py:FUNCTION",
        )
    file = metric_file(request.metric)
    if file is not None and not file.exists():
        raise ConfigError(f"--metric {request.metric}: {file} does not exist")
    expected = request.expect_accuracy
    if expected is not None and request.data is None:
        raise ConfigError("--expect-accuracy needs labelled samples", hint="--data labelled.npz")
    if expected is not None and request.metric in METRICS and not 0 <= expected <= 1:
        raise ConfigError(f"--expect-accuracy {expected:g}: expected a share 0..1, such as 0.75")


def metric_file(metric: str) -> Path | None:
    """The file of a person's own metric, or None."""
    file, colon, _ = metric.rpartition(":")
    return Path(file) if colon else None


def metric_of(request: ConvertRequest) -> str:
    """The metric as a worker reads it, which runs in another folder."""
    file = metric_file(request.metric)
    return f"{file.absolute()}:{request.metric.rpartition(':')[2]}" if file else request.metric


def judge_original(
    request: ConvertRequest, value: float, count: int, classes: int
) -> tuple[str, ...]:
    """What a person should know about the original's own accuracy.

    Raises:
        ConvertError: it is below what was said, by more than the samples can tell.
    """
    data = request.data.name if request.data else "the data"
    causes = "is the layout, the --pipeline or the order of the labels another one?"
    expected = request.expect_accuracy
    if expected is not None:
        share = min(max(expected, 0.0), 1.0)
        margin = max(EXPECTED_MARGIN, 2 * math.sqrt(share * (1 - share) / max(count, 1)))
        if value < expected - margin:
            raise ConvertError(
                f"the original reaches {value:.4g} ({request.metric}) on {data}, said were "
                f"{expected:.4g}; nothing was converted",
                hint=causes,
                details={"accuracy": value, "expected": expected, "sample_count": count},
            )
        return ()
    is_guessing = request.metric in ("top-1", "f1") and value * classes <= GUESSING
    if is_guessing and count >= ENOUGH_SAMPLES and classes > 1:
        return (
            f"the original itself is right on {value:.1%} of {count} samples of {data}, which have "
            f"{classes} classes: {causes} --expect-accuracy SHARE makes it an error",
        )
    return ()


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
