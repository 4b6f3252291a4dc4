"""Structured pruning in rounds: a few channels less, train again, look, go on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgekit.compress.materials import Materials, gather, standing_of
from edgekit.compress.request import Progress, PruneRequest, Timer
from edgekit.compress.targets import Target
from edgekit.compress.timing import Pacer
from edgekit.core.compression import Compression, CompressionStep, Standing
from edgekit.core.errors import UsageFault
from edgekit.core.record import Unavailable, from_plain, to_plain, write_atomically
from edgekit.core.suggest import did_you_mean
from edgekit.core.units import format_count

IMPORTANCE = ("taylor", "group-norm")
ROUND_SHARE = 0.8
"""What a round leaves of the multiply-accumulates: more at once is harder to train back."""
MOST_ROUNDS = 14
"""For a target in time: 0.8 to the 14th leaves a twentieth of the multiply-accumulates."""
LAST_EPOCHS = 2
"""The last round trains so many times as long."""


def prune(
    request: PruneRequest, progress: Progress, *, timer: Timer | None = None
) -> tuple[Compression, Path]:
    """Takes channels in rounds until the target is met or the allowed drop is spent.

    Gives the card and the model file, which stays in the cache: the best model that keeps the
    drop, whether or not it meets the target. A killed pruning goes on from its last round.

    Args:
        request: what is to be pruned how far.
        progress: hears a line per round.
        timer: times a model where it is to run; this machine's ONNX Runtime when not given and
            the target is a time.
    """
    if request.importance not in IMPORTANCE:
        raise UsageFault(
            f"no importance is called {request.importance!r}",
            hint=did_you_mean(request.importance, IMPORTANCE),
        )
    subject = request.subject
    bare = replace(request, subject=replace(subject, model=Path(), data=Path(), validation=None))
    settings = {"prune": repr(bare), "timer": timer is not None}
    materials = gather(subject, settings, progress)
    pacer = Pacer(materials, timer) if request.target.is_time or timer else None
    standing, judged_count = _original(materials, pacer)
    progress(f"original: {describe(standing)}")
    work = _Pruning(request, materials, standing, pacer)
    steps = work.run()
    kept = [i for i, step in enumerate(steps) if not work.drop_missed(step.after)]
    last = kept[-1] + 1 if kept else 0
    shown = tuple(steps[:last])
    result = shown[-1].after if shown else standing
    missed = request.target.missed(result, standing)
    if missed and len(steps) > last:
        missed += f"; further rounds lose more than {request.max_drop_points:g} points"
    card = Compression(
        name=materials.source.name,
        source=materials.source,
        target=request.target.text,
        missed=missed,
        files=(),
        original=standing,
        steps=shown,
        data=materials.data,
        judged_count=judged_count,
        seed=subject.training.seed,
        tools=materials.tools,
        warnings=materials.warnings,
    )
    return card, materials.folder / f"round-{last}.pt2" if shown else materials.model


def _original(materials: Materials, pacer: Pacer | None) -> tuple[Standing, int]:
    noted = materials.folder / "original.json"
    if noted.exists():
        found = json.loads(noted.read_text(encoding="utf-8"))
        return from_plain(Standing, found["standing"]), int(found["count"])
    standing, count = materials.judge(materials.model)
    if pacer is not None:
        standing = replace(standing, timing=pacer.original())
    write_atomically(noted, json.dumps({"standing": to_plain(standing), "count": count}))
    return standing, count


class _Pruning:
    """The rounds of one pruning."""

    def __init__(
        self,
        request: PruneRequest,
        materials: Materials,
        original: Standing,
        pacer: Pacer | None,
    ) -> None:
        self.request, self.materials = request, materials
        self.original, self.pacer = original, pacer

    def run(self) -> list[CompressionStep]:
        """Rounds until the target is met, the drop is spent, or nothing more can be taken."""
        steps: list[CompressionStep] = []
        limits = self._limits()
        model = self.materials.model
        for number, limit in enumerate(limits, 1):
            out = self.materials.folder / f"round-{number}.pt2"
            step = self._round(number, model, out, limit, is_last=number == len(limits))
            steps.append(step)
            model = out
            self.materials.progress(f"round {number}: {describe(step.after)} {step.note}".rstrip())
            if not self.request.target.missed(step.after, self.original):
                break
            if self.drop_missed(step.after) or step.note:
                break
        return steps

    def drop_missed(self, standing: Standing) -> bool:
        """True when a model lost more than is allowed."""
        return drop_points(standing, self.original) > self.request.max_drop_points

    def _limits(self) -> list[float]:
        """What every round may leave of the figure that pruning works on; none when it is met."""
        target, start = self.request.target, self._start()
        if not target.missed(self.original, self.original):
            return []
        if target.is_time:
            rounds = self.request.rounds or MOST_ROUNDS
            return [start * ROUND_SHARE**i for i in range(1, rounds + 1)]
        allowed = target.allowed(self.original)
        assert not isinstance(allowed, Unavailable)  # a count is always there
        share = min(allowed / start, 1.0)
        rounds = self.request.rounds or max(1, math.ceil(math.log(share) / math.log(ROUND_SHARE)))
        return [start * share ** (i / rounds) for i in range(1, rounds + 1)]

    def _start(self) -> float:
        metric = self.request.target.metric
        counted = {"size": self.original.weight_bytes, "params": self.original.parameters}
        found = counted.get(metric, self.original.macs)
        assert not isinstance(found, Unavailable)  # what is pruned can be counted
        return float(found)

    def _round(
        self, number: int, model: Path, out: Path, limit: float, *, is_last: bool
    ) -> CompressionStep:
        noted = out.with_suffix(".json")
        if noted.exists() and out.exists():
            return from_plain(CompressionStep, json.loads(noted.read_text(encoding="utf-8")))
        started = time.perf_counter()
        training = self.request.subject.training
        asked: dict[str, object] = {
            "importance": self.request.importance,
            "multiple": self.request.multiple,
            "epochs": training.epochs * (LAST_EPOCHS if is_last else 1),
            "learning_rate": training.learning_rate,
            "metric": _metric(self.request.target),
            "limit": limit,
        }
        reply = self._call(asked, number, model, out)
        standing = standing_of(reply)
        if self.drop_missed(standing) and not is_last:
            # once more from where it stands, before giving up
            again = asked | {"epochs": training.epochs * LAST_EPOCHS, "limit": math.inf}
            reply = self._call(again, number + 100, out, out)
            standing = standing_of(reply)
        if self.pacer is not None:
            standing = replace(standing, timing=self.pacer.against_original(out))
        note = "" if reply["reached"] else "(no more channels can be taken)"
        elapsed_s = round(time.perf_counter() - started, 1)
        step = CompressionStep("prune", standing, elapsed_s, asked, note)
        write_atomically(noted, json.dumps(to_plain(step)))
        return step

    # Any: JSON
    def _call(
        self, asked: Mapping[str, object], number: int, model: Path, out: Path
    ) -> dict[str, Any]:
        checkpoint = self.materials.folder / f"epochs-{number}.pt"
        reply = self.materials.call(
            "prune_round",
            {
                "model": str(model),
                "teacher": str(self.materials.model),
                "out": str(out),
                "checkpoint": str(checkpoint),
                **asked,
            },
        )
        checkpoint.unlink(missing_ok=True)
        return reply


def _metric(target: Target) -> str:
    return {"size": "weight_bytes", "params": "parameters"}.get(target.metric, "macs")


def drop_points(standing: Standing, original: Standing) -> float:
    """Lost accuracy in points, or lost agreement where there are no labels; 0 when neither is."""
    if isinstance(standing.quality, Unavailable) or isinstance(original.quality, Unavailable):
        return 0.0
    return (original.quality - standing.quality) * 100


def describe(standing: Standing) -> str:
    """One line about a model."""
    parts = [
        f"{format_count(value)} {name}"
        for name, value in (("MACs", standing.macs), ("parameters", standing.parameters))
        if not isinstance(value, Unavailable)
    ]
    if not isinstance(standing.accuracy, Unavailable):
        parts.append(f"accuracy {standing.accuracy:.2%}")
    elif not isinstance(standing.agreement, Unavailable):
        parts.append(f"agreement {standing.agreement:.2%}")
    if not isinstance(standing.timing, Unavailable):
        parts.append(f"p50 {standing.timing.p50_ms:.3g} ms")
    return ", ".join(parts)
