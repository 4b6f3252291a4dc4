"""How fast a model is: where the caller says, else on this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgekit.compress.materials import Materials
from edgekit.compress.request import Timer
from edgekit.core.compression import Timing
from edgekit.core.mode import Mode

ROUNDS = 10
RUNS = 30


class Pacer:
    """Times models, each against the ones before it."""

    def __init__(self, materials: Materials, timer: Timer | None) -> None:
        self.materials = materials
        self.timer = timer

    def original(self) -> Timing:
        """The original alone."""
        return self._timed(self.materials.model)[0]

    def against_original(self, model: Path) -> Timing:
        """A model and the original in turns, so that a slow spell hits both."""
        if self.timer is not None:
            return self.timer(model)
        before, after = self._timed(self.materials.model, model)
        return replace(after, to_original=after.p50_ms / before.p50_ms)

    def _timed(self, *models: Path) -> list[Timing]:
        if self.timer is not None:
            return [self.timer(model) for model in models]
        reply = self.materials.call(
            "time_models",
            {"models": [str(model) for model in models], "rounds": ROUNDS, "runs": RUNS},
        )
        return [
            Timing(p50, reply["where"], Mode.MEASURED, p95)
            for p50, p95 in zip(reply["p50_ms"], reply["p95_ms"], strict=True)
        ]
