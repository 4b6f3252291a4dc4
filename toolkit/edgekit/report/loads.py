"""An endpoint under load as a table: one row per rate."""

from __future__ import annotations

from edgekit.core.load import LoadPoint, LoadSweep
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes, format_ms
from edgekit.report.section import Section, show_estimate, show_value

HEADERS = (
    "payload",
    "asked",
    "answered",
    "p50",
    "p95",
    "p99",
    "left late, p99",
    "failed",
    "bytes",
)


def load_section(sweep: LoadSweep) -> Section:
    """The table with its heading."""
    over = f" over {sweep.network} [emulated]" if sweep.network else ""
    rows = tuple(load_row(point) for point in sweep.points)
    notes = (f"{sweep.endpoint}, {sweep.measured_utc}", *knees(sweep))
    return Section(f"{sweep.model_name} under load{over}", HEADERS, rows, notes)


def load_row(point: LoadPoint) -> tuple[str, ...]:
    """A rate as cells under HEADERS."""
    asked = (
        f"{point.concurrency} at a time" if point.rate_per_s is None else f"{point.rate_per_s:g}/s"
    )
    return (
        point.payload,
        asked,
        f"{point.achieved_per_s:.1f}/s",
        show_estimate(point.p50_ms),
        show_value(point.p95_ms),
        show_value(point.p99_ms),
        "-" if point.late_p99_ms is None else format_ms(point.late_p99_ms),
        f"{point.failed_share:.1%}",
        format_bytes(point.up_bytes),
    )


def knees(result: LoadSweep) -> tuple[str, ...]:
    """What the endpoint takes, a sentence per payload."""
    return tuple(
        f"{payload}: takes {rate:g}/s"
        if not isinstance(rate, Unavailable)
        else f"{payload}: {rate.reason}"
        for payload, rate in result.knee_per_s.items()
        if any(point.rate_per_s is not None for point in result.points)
    )
