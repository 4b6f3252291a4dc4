"""What the inference on a board is made of: losses first, then the work itself. Pure.

A loss is a time that an experiment or the conditions of the run showed, and that the work could do
without. Losses are taken off one after the other, each from what the ones before left, so that two
that overlap are not counted twice; what then remains is split by the board's roof.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import fsum

from edgekit.core.artifact import Operation
from edgekit.core.lag import Basis, Experiment, Share
from edgekit.core.measurement import Measurement
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.evidence import Records
from edgekit.explain.roof import Roof, describe, roof_of

COUNTS = 0.02
"""An experiment counts when its gain is sure (interval above 0) and at least this share of the
phase: launches of one process scatter by as much (docs/measuring.md)."""
MOST_SCALE = 2.0
"""A base farther from the run than this speaks of another state of the board."""
SLOW_GOVERNORS = ("powersave", "conservative")
"""Source: Linux kernel documentation, CPU performance scaling."""
LOST_CLOCK = 0.03
"""Clocks this near to the best are rounding of the governor's steps."""
LOSSES = (
    ("oversubscription", "more threads than processors", "threads-fit"),
    ("denormals", "computing with denormal numbers", "denormals-zero"),
    ("unoptimized", "graph left unoptimized", "optimized"),
    ("spinning", "threads that spin", "spinning-off"),
    ("idle-wake", "waking up after a pause", "tight-loop"),
    ("copies", "copying inputs and outputs", "inputs-in-place"),
)
"""Share, title, and the experiment that takes it away."""
MOVERS = (
    "Transpose", "TRANSPOSE", "Reshape", "RESHAPE", "PAD", "Pad", "Reorder", "QUANTIZE",
    "DEQUANTIZE", "QuantizeLinear", "DequantizeLinear", "Cast", "CAST", "Convert", "Concat",
    "CONCATENATION", "Concatenation", "Split", "SPLIT", "Slice", "SLICE", "STRIDED_SLICE", "Gather",
    "ReorderInput", "ReorderOutput",
)  # fmt: skip
"""Operations that move or re-code data and compute nothing."""


@dataclass
class Parts:
    """Shares taken so far from the phases of an invocation."""

    left_ms: float
    """Of the inference."""
    around_ms: dict[str, float] = field(default_factory=dict)
    """Of the phases before and after it."""
    infer_ms: float = 0.0
    total_ms: float = 0.0
    """Before anything was taken."""
    shares: list[Share] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    inconsistent: list[tuple[str, str]] = field(default_factory=list)

    def take(self, share: Share, *, says: str = "") -> None:
        """Adds a share, cut to what is left; a cut one contradicts the measured time.

        Shares of no time are left out, but for the waiting: that there was none is an answer.

        Args:
            share: with the time that its evidence gives.
            says: why it may overlap with others, when a cut is no contradiction.
        """
        if share.time_ms <= 0 and share.id != "waiting":
            return
        taken = min(share.time_ms, max(self.left_ms, 0.0))
        evidence = share.evidence
        if taken < share.time_ms:
            text = f"{format_ms(share.time_ms)} by its evidence, {format_ms(taken)} are left"
            if says:
                evidence += f"; {text}: {says}"
            else:
                self.inconsistent.append((share.id, f"{share.title}: {text}"))
        self.left_ms -= taken
        low, high = share.low_ms, share.high_ms
        self.shares.append(
            Share(
                share.id,
                share.title,
                taken,
                share.basis,
                evidence,
                None if low is None else min(low, taken),
                None if high is None else min(high, taken),
            )
        )

    def add(self, share: Share, time_ms: float) -> None:
        """Adds time from the phases around the inference to a share, or as a share of its own."""
        if time_ms <= 0:
            return
        at = next((i for i, s in enumerate(self.shares) if s.id == share.id), None)
        if at is None:
            whole = replace(share, time_ms=time_ms, low_ms=None, high_ms=None)
            self.shares.append(whole)
            return
        before = self.shares[at]
        low, high = before.low_ms, before.high_ms
        self.shares[at] = replace(
            before,
            time_ms=before.time_ms + time_ms,
            low_ms=None if low is None else low + time_ms,
            high_ms=None if high is None else high + time_ms,
        )


def counts(experiment: Experiment | None) -> bool:
    """Whether an experiment showed a gain that is sure and large enough."""
    if experiment is None:
        return False
    gain = experiment.gain_ms
    return gain.low > 0 and gain.value >= COUNTS * experiment.base_ms.value


def edge_parts(
    measurement: Measurement, records: Records, phases_ms: Mapping[str, float], waiting: Share
) -> Parts:
    """An invocation in shares; ``around_ms`` is what stays of the phases around the inference.

    Args:
        measurement: the run.
        records: what is known beside it.
        phases_ms: means over the invocations around the median.
        waiting: what the run queue says; oversubscription explains a part of it.
    """
    around = {name: phases_ms[name] for name in ("preprocess", "postprocess")}
    total_ms = phases_ms["infer"] + fsum(around.values())
    parts = Parts(phases_ms["infer"], around, phases_ms["infer"], total_ms)
    known = {experiment.id: experiment for experiment in records.experiments}
    for name, title, wanted in LOSSES[:1]:
        _loss(parts, name, title, known.get(wanted))
    explained = fsum(share.time_ms for share in parts.shares)
    rest = max(waiting.time_ms - explained, 0.0)
    parts.take(
        Share(
            waiting.id, waiting.title, rest, waiting.basis, waiting.evidence,
            None if waiting.low_ms is None else max(waiting.low_ms - explained, 0.0),
            None if waiting.high_ms is None else max(waiting.high_ms - explained, 0.0),
        )
    )  # fmt: skip
    _throttling(parts, measurement, records)
    for name, title, wanted in LOSSES[1:]:
        _loss(parts, name, title, known.get(wanted))
    _work(parts, measurement, records)
    return parts


def _loss(parts: Parts, name: str, title: str, experiment: Experiment | None) -> None:
    """Takes what the experiment gained, from the phases in which it gained it."""
    if experiment is None or not counts(experiment):
        return
    gain, scale = experiment.gain_ms, _scale(parts, experiment)
    around_ms = 0.0
    for phase, left_ms in parts.around_ms.items():
        gained_ms = max(experiment.phase_gains_ms.get(phase, 0.0) * scale, 0.0)
        taken = min(gained_ms, left_ms)
        parts.around_ms[phase] -= taken
        around_ms += taken
    inside_ms = experiment.phase_gains_ms.get("infer", gain.value) * scale
    half = (gain.high - gain.low) / 2 * scale
    share = Share(
        name, title, max(inside_ms, 0.0), Basis.DERIVED, experiment.told,
        max(inside_ms - half, 0.0), inside_ms + half,
    )  # fmt: skip
    parts.take(share, says="its cause overlaps with those above")
    parts.add(share, around_ms)


def _scale(parts: Parts, experiment: Experiment) -> float:
    """From the experiment's own base to the run: a loss is a part of the time, and the run that is
    explained was not exactly as fast as the base that was measured in turn with the change.
    """
    run_ms = parts.total_ms if experiment.phase_gains_ms else parts.infer_ms
    base_ms = experiment.base_ms.value
    if base_ms <= 0 or run_ms <= 0:
        return 1.0
    return min(max(run_ms / base_ms, 1 / MOST_SCALE), MOST_SCALE)


def _throttling(parts: Parts, measurement: Measurement, records: Records) -> None:
    lost = lost_clock(measurement, records)
    if isinstance(lost, Unavailable):
        parts.missing.append(("throttling", lost.reason))
        return
    share, evidence = lost
    if share > LOST_CLOCK:
        time_ms = parts.left_ms * share
        title = "a lowered clock"
        parts.take(Share("throttling", title, time_ms, Basis.DERIVED, evidence))


def lost_clock(measurement: Measurement, records: Records) -> tuple[float, str] | Unavailable:
    """The share of time that a clock below its best costs around the median, and the figures.

    Arithmetic takes as much longer as the clock is lower; the time beside it gives the reference
    where the clock changed during the run.
    """
    rows = [c for c in measurement.conditions if c.clock_mhz]
    if not rows:
        return Unavailable("the board shows no clock")
    clocks = [min(c.clock_mhz or 0.0, c.firmware_clock_mhz or c.clock_mhz or 0.0) for c in rows]
    facts = records.facts
    best = max(clocks)
    if facts is not None and not isinstance(facts.max_clock_mhz, Unavailable):
        best = max(best, facts.max_clock_mhz)
    typical = sorted(clocks)[len(clocks) // 2]
    lost = 1 - typical / best if best else 0.0
    return lost, f"the clock was {typical:.0f} MHz at half of the readings, its best is {best:.0f}"


def _work(parts: Parts, measurement: Measurement, records: Records) -> None:
    """The rest of the inference by the roof and the times per operation, or as a whole."""
    roof = roof_of(measurement, records)
    artifact = records.artifact
    structure = None if artifact is None else artifact.structure
    title = f"computing in {measurement.engine}"
    if structure is None or isinstance(structure, Unavailable) or isinstance(roof, Unavailable):
        reason = roof.reason if isinstance(roof, Unavailable) else "its structure is not known"
        parts.missing.append(("ideal-compute", reason))
        how = "timed on the board, less the parts above"
        parts.take(Share("engine-compute", title, parts.left_ms, Basis.MEASURED, how))
        return
    floors = [roof.floor_ms(o, measurement.options.batch) for o in structure.operations]
    _floor(parts, roof, floors)
    _by_operation(parts, records)
    how = "what the engine takes beyond the floor" + _worst(records, roof, structure.operations)
    name = "engine-inefficiency"
    parts.take(Share(name, "above the floor of the board", parts.left_ms, Basis.DERIVED, how))


def _floor(parts: Parts, roof: Roof, floors: Sequence[tuple[float, float]]) -> None:
    basis = Basis.DERIVED if roof.basis is Basis.MEASURED else Basis.PREDICTED
    arithmetic_ms, memory_ms = (fsum(pair[i] for pair in floors) for i in (0, 1))
    how = f"the floor at {describe(roof)}"
    parts.take(Share("ideal-compute", "arithmetic at the board's peak", arithmetic_ms, basis, how))
    title = "memory that the arithmetic waits for"
    parts.take(Share("memory-bound", title, memory_ms, basis, how))


def _by_operation(parts: Parts, records: Records) -> None:
    """Layout changes and dispatch, from the times per operation."""
    profile = records.operations
    if profile is None:
        reason = "operations were not timed: edgekit run --profile-ops"
        parts.missing += [("layout", reason), ("dispatch", reason)]
        return
    moved_ms = fsum(o.time_ms for o in profile.operations if o.type in MOVERS)
    copied_ms = fsum(share.time_ms for share in parts.shares if share.id == "copies")
    outside_ms = max(profile.outside_ms - copied_ms, 0.0)
    how = profile.method
    says = "the profile was made in another run"
    layout = Share("layout", "layout changes", moved_ms, Basis.DERIVED, how)
    dispatch = Share("dispatch", "dispatch and framework", outside_ms, Basis.DERIVED, how)
    parts.take(layout, says=says)
    parts.take(dispatch, says=says)


def _worst(records: Records, roof: Roof, operations: Sequence[Operation]) -> str:
    """The operation types that are farthest above their floor."""
    if records.operations is None:
        return ""
    floors = {o.type: sum(roof.floor_ms(o)) for o in operations}
    rows = [(t, time_ms - floors.get(t, 0.0)) for t, _, time_ms, _ in records.operations.by_type()]
    longest = sorted(rows, key=lambda row: -row[1])[:3]
    return ": " + ", ".join(f"{kind} {format_ms(over)}" for kind, over in longest if over > 0)
