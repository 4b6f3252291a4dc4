"""The condition that ``explain --apply`` works for: ``p95<20ms``."""

from __future__ import annotations

import re
from dataclasses import dataclass

import click

from edgekit.core.estimate import Estimate
from edgekit.core.measurement import Measurement
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms

FORM = re.compile(r"\s*(p50|p90|p95|p99)\s*<\s*(\d+(?:\.\d+)?)\s*(us|ms|s)\s*")
UNITS_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True)
class TargetCondition:
    """A percentile that has to be below a time."""

    text: str
    figure: str
    limit_ms: float

    def value_of(self, measured: Measurement) -> Estimate | Unavailable:
        """The percentile in a run; Unavailable where its samples cannot bound it."""
        return measured.summaries["total"].percentiles_ms[self.figure]

    def holds(self, measured: Measurement) -> bool:
        """Whether the percentile is known and below the limit."""
        found = self.value_of(measured)
        return not isinstance(found, Unavailable) and found.value < self.limit_ms

    def describe(self, measured: Measurement) -> str:
        """The percentile against the limit, in words."""
        found = self.value_of(measured)
        shown = found.reason if isinstance(found, Unavailable) else format_ms(found.value)
        return f"{self.figure} is {shown}, wanted is less than {format_ms(self.limit_ms)}"


class TargetType(click.ParamType):  # type: ignore[type-arg]  # generic in new clicks only
    """``p95<20ms``."""

    name = "target"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> TargetCondition:
        """The condition."""
        if isinstance(value, TargetCondition):
            return value
        found = FORM.fullmatch(str(value))
        if not found:
            self.fail(f"{value!r} is no target; write 'p95<20ms'", param, ctx)
        limit_ms = float(found[2]) * UNITS_MS[found[3]]
        return TargetCondition(str(value).strip(), found[1], limit_ms)
