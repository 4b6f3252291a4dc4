"""Targets in words: ``latency<=0.6x``, ``macs<=10M``, ``size<=200kB``, ``p95<20ms``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgekit.core.compression import Standing
from edgekit.core.errors import UsageFault
from edgekit.core.record import Unavailable
from edgekit.core.suggest import did_you_mean
from edgekit.core.units import format_bytes, format_count, format_ms

PATTERN = re.compile(r"\s*([a-z0-9]+)\s*<=?\s*([0-9.]+(?:e-?\d+)?)\s*([A-Za-z]*)\s*")
UNITS = {
    "macs": {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9},
    "params": {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9},
    "size": {"": 1.0, "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9},
    "latency": {"": 1.0, "us": 1e-3, "ms": 1.0, "s": 1e3},
    "p50": {"": 1.0, "us": 1e-3, "ms": 1.0, "s": 1e3},
    "p95": {"": 1.0, "us": 1e-3, "ms": 1.0, "s": 1e3},
}
TIMES = ("latency", "p50", "p95")
EXAMPLE = "--target 'macs<=0.5x'  (or latency<=0.6x, p95<20ms, size<=200kB, params<=1M)"


@dataclass(frozen=True)
class Target:
    """An upper limit of one figure."""

    metric: str
    limit: float
    """A share of the original's where relative, else milliseconds, bytes or a count."""
    is_relative: bool
    text: str

    @property
    def is_time(self) -> bool:
        """True when only a measurement can tell."""
        return self.metric in TIMES

    def value(self, standing: Standing) -> float | Unavailable:
        """The figure of a model that this target is about."""
        if not self.is_time:
            found = {
                "macs": standing.macs,
                "params": standing.parameters,
                "size": standing.weight_bytes,
            }[self.metric]
            return found if isinstance(found, Unavailable) else float(found)
        if isinstance(standing.timing, Unavailable):
            return standing.timing
        if self.metric == "p95":
            p95 = standing.timing.p95_ms
            return Unavailable("too few samples for a p95") if p95 is None else p95
        return standing.timing.p50_ms

    def allowed(self, original: Standing) -> float | Unavailable:
        """The limit as a figure of its own."""
        if not self.is_relative:
            return self.limit
        value = self.value(original)
        return value if isinstance(value, Unavailable) else value * self.limit

    def missed(self, standing: Standing, original: Standing) -> str:
        """By what a model misses the target; empty when it meets it."""
        timing = standing.timing
        if (
            self.is_time
            and self.is_relative
            and not isinstance(timing, Unavailable)
            and timing.to_original is not None
        ):
            share = timing.to_original
            return "" if share <= self.limit else f"{self.text}: {share:.2f}x"
        value, allowed = self.value(standing), self.allowed(original)
        if isinstance(value, Unavailable):
            return f"{self.text}: {value.reason}"
        if isinstance(allowed, Unavailable):
            return f"{self.text}: {allowed.reason}"
        if value <= allowed:
            return ""
        return f"{self.text}: {self.show(value)} instead of {self.show(allowed)}"

    def show(self, value: float) -> str:
        """A figure in the target's unit."""
        if self.is_time:
            return format_ms(value)
        return format_bytes(value) if self.metric == "size" else format_count(value)


def parse_target(text: str) -> Target:
    """A target from its words.

    Raises:
        UsageFault: it is of no such form, or the limit says nothing.
    """
    found = PATTERN.fullmatch(text)
    if not found:
        raise UsageFault(f"{text!r} is no target", hint=EXAMPLE)
    metric, number, unit = found.groups()
    if metric not in UNITS:
        raise UsageFault(
            f"no figure is called {metric!r}: {did_you_mean(metric, UNITS)}", hint=EXAMPLE
        )
    try:
        limit = float(number)
    except ValueError as err:
        raise UsageFault(f"{number!r} is no number", hint=EXAMPLE) from err
    if unit == "x":
        if not 0 < limit < 1:
            raise UsageFault(f"{text!r}: a share lies between 0 and 1", hint=EXAMPLE)
        return Target(metric, limit, True, text.strip())
    if unit not in UNITS[metric]:
        raise UsageFault(
            f"{metric} has no unit {unit!r}: x, {', '.join(filter(None, UNITS[metric]))}",
            hint=EXAMPLE,
        )
    if limit <= 0:
        raise UsageFault(f"{text!r}: the limit must be more than 0", hint=EXAMPLE)
    return Target(metric, limit * UNITS[metric][unit], False, text.strip())
