"""What changed between two runs or two artifacts, and whether it is more than chance. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgekit.core.artifact import Accuracy, ModelArtifact
from edgekit.core.difference import Change, Difference, FigureChange, Judgement
from edgekit.core.estimate import Estimate
from edgekit.core.measurement import Measurement, Stamp
from edgekit.core.record import Unavailable
from edgekit.core.units import NS_PER_MS, format_bytes, format_count
from edgekit.measure.stats.ratio import MARGIN_SHARE, Ratio, Verdict, ratio_of_runs

PHASES = ("preprocess", "infer", "postprocess")
QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
OF_VERDICT = {
    Verdict.FASTER: Judgement.BETTER,
    Verdict.SLOWER: Judgement.WORSE,
    Verdict.EQUIVALENT: Judgement.SAME,
    Verdict.UNDECIDED: Judgement.UNDECIDED,
}
Side = Sequence[Measurement]
"""Launches of one setting."""


def diff_runs(before: Measurement, after: Measurement) -> Difference:
    """The second run against the first: end to end, then its phases."""
    figures = [
        change_of(f"total {name}", (before,), (after,), "total", q) for name, q in QUANTILES
    ]
    figures += [
        change_of(f"{phase} p50", (before,), (after,), phase, 0.5)
        for phase in PHASES
        if phase in before.samples_ns and phase in after.samples_ns
    ]
    figures.append(_memory(before, after))
    return Difference(
        of="runs",
        before=before.id,
        after=after.id,
        figures=tuple(figures),
        changes=tuple(_run_changes(before, after)),
        notes=tuple(_run_notes(before, after)),
    )


def change_of(name: str, before: Side, after: Side, phase: str, q: float) -> FigureChange:
    """One quantile of one phase, with both sides' launches."""
    ratio = ratio_of_runs(_milliseconds(after, phase), _milliseconds(before, phase), q)
    key = next((key for key, value in QUANTILES if value == q), "p50")
    was, now = (side[-1].summaries[phase].percentiles_ms[key] for side in (before, after))
    if isinstance(ratio, Ratio):
        return FigureChange(name, "ms", was, now, ratio.estimate, OF_VERDICT[ratio.verdict])
    return FigureChange(name, "ms", was, now, ratio, Judgement.UNDECIDED)


def diff_artifacts(before: ModelArtifact, after: ModelArtifact) -> Difference:
    """The second artifact against the first: size, arithmetic, accuracy, agreement."""
    return Difference(
        of="artifacts",
        before=f"{before.name} {before.recipe}",
        after=f"{after.name} {after.recipe}",
        figures=tuple(_artifact_figures(before, after)),
        changes=tuple(_artifact_changes(before, after)),
        notes=tuple(_artifact_notes(before, after)),
    )


def _milliseconds(side: Side, phase: str) -> list[list[float]]:
    return [[value / NS_PER_MS for value in m.samples_ns[phase]] for m in side]


def _memory(before: Measurement, after: Measurement) -> FigureChange:
    return _plain("peak memory", "bytes", before.peak_memory_bytes, after.peak_memory_bytes)


def _plain(
    name: str, unit: str, before: float | Unavailable, after: float | Unavailable
) -> FigureChange:
    """A figure without scatter, of which less is better; within the margin it is the same."""
    sides = tuple(
        value if isinstance(value, Unavailable) else Estimate(value, value, value)
        for value in (before, after)
    )
    if isinstance(before, Unavailable) or isinstance(after, Unavailable) or not before:
        unknown = Unavailable("one side is not known")
        return FigureChange(name, unit, sides[0], sides[1], unknown, Judgement.UNDECIDED)
    ratio = after / before
    judgement = Judgement.SAME
    if abs(ratio - 1) > MARGIN_SHARE:
        judgement = Judgement.BETTER if ratio < 1 else Judgement.WORSE
    return FigureChange(name, unit, sides[0], sides[1], Estimate(ratio, ratio, ratio), judgement)


def _run_changes(before: Measurement, after: Measurement) -> Iterator[Change]:
    yield from _different(_run_facts(before), _run_facts(after))


def _run_facts(m: Measurement) -> dict[str, str]:
    options = m.options
    first = m.conditions[0] if m.conditions else None
    facts = {
        "board": m.board,
        "machine": m.machine,
        "mode": m.mode.value,
        "model": f"{m.model['name']} {m.model['recipe']}",
        "model sha256": m.model.get("sha256", "")[:16],
        "release": m.release,
        "engine": f"{m.engine} {m.engine_version}",
        "threads": str(options.threads),
        "batch": str(options.batch),
        "streams": str(options.concurrency),
        "rate": f"{options.rate_hz:g}/s" if options.rate_hz else "",
        "inputs": options.variant,
        "engine options": ", ".join(f"{k}={v}" for k, v in options.engine_options.items()),
        "governor": (first.governor or "") if first else "",
        "runner": m.runner_version,
        "stamp": m.stamp.value,
        "notes": ", ".join(sorted({note.id for note in m.validity})),
    }
    return facts | {f"engine: {k}": v for k, v in m.engine_details.items()}


def _run_notes(before: Measurement, after: Measurement) -> Iterator[str]:
    if before.machine != after.machine or before.mode is not after.mode:
        yield "the runs are of different machines: their difference says nothing about the model"
    for side in (before, after):
        if side.stamp is not Stamp.VALID:
            reasons = "; ".join(note.message for note in side.validity)
            yield f"{side.id} is {side.stamp.value}: {reasons}"
    yield "one launch each: how much launches differ is not in the intervals"


def _different(before: dict[str, str], after: dict[str, str]) -> Iterator[Change]:
    for what in dict.fromkeys((*before, *after)):
        a, b = before.get(what, ""), after.get(what, "")
        if a != b:
            yield Change(what, a or "-", b or "-")


def _artifact_figures(before: ModelArtifact, after: ModelArtifact) -> Iterator[FigureChange]:
    yield _plain("size", "bytes", before.size_bytes, after.size_bytes)
    for name in ("macs", "parameters"):
        values = [
            Unavailable(s.reason) if isinstance(s, Unavailable) else float(getattr(s, name))
            for s in (before.structure, after.structure)
        ]
        title = "multiply-accumulates" if name == "macs" else name
        yield _plain(title, "", values[0], values[1])
    if isinstance(before.accuracy, Accuracy) and isinstance(after.accuracy, Accuracy):
        yield _accuracy(before.accuracy, after.accuracy)


def _accuracy(before: Accuracy, after: Accuracy) -> FigureChange:
    """More is better; beyond the interval of the artifact's own drop it counts."""
    a, b = before.artifact * 100, after.artifact * 100
    judgement = Judgement.UNDECIDED
    low, high = after.drop_low_points, after.drop_high_points
    if a == b:
        judgement = Judgement.SAME
    elif low is not None and high is not None and abs(a - b) > (high - low) / 2:
        judgement = Judgement.BETTER if b > a else Judgement.WORSE
    sides = (Estimate(a, a, a), Estimate(b, b, b))
    return FigureChange(f"accuracy ({after.metric})", "%", *sides, _points(a, b), judgement)


def _points(before: float, after: float) -> Estimate | Unavailable:
    if not before:
        return Unavailable("nothing was right before")
    ratio = after / before
    return Estimate(ratio, ratio, ratio)


def _artifact_changes(before: ModelArtifact, after: ModelArtifact) -> Iterator[Change]:
    yield from _different(_artifact_facts(before), _artifact_facts(after))


def _artifact_facts(card: ModelArtifact) -> dict[str, str]:
    facts = {
        "name": card.name,
        "source sha256": card.source.sha256[:16],
        "format": card.format.value,
        "engine": card.engine,
        "profile": card.profile,
        "recipe": card.recipe,
        "calibrated by": card.calibration,
        "route": " -> ".join(step.step for step in card.steps),
    }
    facts |= {f"input {t.name}": f"{t.dtype} {list(t.shape)}" for t in card.inputs}
    facts |= {f"output {t.name}": f"{t.dtype} {list(t.shape)}" for t in card.outputs}
    for step in card.steps:
        facts |= {f"tool {name}": version for name, version in step.tools.items()}
    if not isinstance(card.structure, Unavailable):
        for operation in card.structure.operations:
            facts[f"operation {operation.type}"] = (
                f"{operation.count} x, {format_count(operation.macs)} MAC, "
                f"{format_bytes(operation.weight_bytes)}"
            )
    return facts


def _artifact_notes(before: ModelArtifact, after: ModelArtifact) -> Iterator[str]:
    if before.source.sha256 != after.source.sha256:
        yield "they were made from different models"
    a, b = before.accuracy, after.accuracy
    if isinstance(a, Unavailable) or isinstance(b, Unavailable):
        return
    if (a.data, a.sample_count) != (b.data, b.sample_count):
        yield "their accuracies are of different data"
