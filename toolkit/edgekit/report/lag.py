"""Experiments and steps that were applied as sections; the roofline as a table."""

from __future__ import annotations

from collections.abc import Iterator

from edgekit.core.estimate import Estimate
from edgekit.core.lag import LagReport, Roofline
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes, format_count, format_interval_ms, format_ms
from edgekit.report.section import Section

MOST_POINTS = 8


def lag_sections(lag: LagReport) -> Iterator[Section]:
    """What was tried, and what was changed."""
    if lag.experiments:
        rows = tuple(
            (
                e.id,
                e.question,
                format_ms(e.base_ms.value),
                format_ms(e.changed_ms.value),
                _interval(e.gain_ms),
                f"{e.cost_s:.1f} s",
            )
            for e in lag.experiments
        )
        headers = ("experiment", "what it tells apart", "as it is", "changed", "gain", "cost")
        yield Section("Experiments", headers, rows)
    if lag.steps:
        applied = tuple(
            (step.action, _time(step.before_ms), _time(step.after_ms), step.outcome)
            for step in lag.steps
        )
        notes = tuple(
            text
            for text in (
                f"target: {lag.target}" if lag.target else "",
                "in force: " + ", ".join(f"{k}={v}" for k, v in lag.settings.items())
                if lag.settings
                else "",
            )
            if text
        )
        columns = ("remedy", "before", "after", "outcome")
        yield Section("Remedies applied", columns, applied, notes)


def roofline_section(roofline: Roofline) -> Section:
    """The model and its operations against the roof, for a terminal; pages draw it."""
    rows = tuple(
        (
            point.name,
            format_count(point.macs),
            format_bytes(point.bytes),
            f"{point.intensity:.1f}",
            "arithmetic" if point.intensity >= roofline.ridge else "memory",
            format_ms(point.floor_ms),
            "-" if isinstance(point.time_ms, Unavailable) else format_ms(point.time_ms),
        )
        for point in roofline.points[:MOST_POINTS]
    )
    headers = ("operations", "MAC", "moved", "MAC per byte", "bound by", "floor", "took")
    notes = (
        f"{format_count(roofline.peak_macs_per_s)} MAC/s in {roofline.precision}, "
        f"{roofline.bandwidth_bytes_per_s / 1e9:.3g} GB/s, ridge at {roofline.ridge:.1f} MAC per "
        f"byte [{roofline.basis.value}: {roofline.source}]",
    )
    return Section("Below the roof", headers, rows, notes)


def _interval(value: Estimate) -> str:
    return format_interval_ms(value.value, value.low, value.high)


def _time(value: Estimate | Unavailable) -> str:
    return "-" if isinstance(value, Unavailable) else format_ms(value.value)
