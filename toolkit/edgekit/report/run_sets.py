"""A set of runs as a table: one row per combination, fastest first."""

from __future__ import annotations

from edgekit.core.run_set import Across, RunSet
from edgekit.core.units import format_interval_ms, format_ms
from edgekit.report.section import Section


def run_set_section(run_set: RunSet) -> Section:
    """The table with its heading."""
    headers, rows = set_table(run_set)
    launches = max(len(cell.launches) for cell in run_set.cells)
    notes = (f"{run_set.machine}, {run_set.measured_utc}; stamp: {run_set.stamp.value}",)
    title = f"{len(run_set.cells)} settings, up to {launches} launches each, on {run_set.board}"
    return Section(title, headers, tuple(rows), notes)


def set_table(run_set: RunSet) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headers and rows: one row per combination, fastest first."""
    headers = (
        "engine",
        "threads",
        "batch",
        "launches",
        "p50",
        "p95",
        "between launches",
        "per second",
    )
    rows: list[tuple[str, ...]] = []
    for cell in sorted(run_set.cells, key=lambda c: c.p50_ms / c.options.batch):
        p95s = [launch.p95_ms for launch in cell.launches if launch.p95_ms is not None]
        rates = [launch.throughput_hz for launch in cell.launches if launch.throughput_hz]
        middle, between = format_ms(cell.p50_ms), "-"
        if isinstance(cell.across, Across):
            p50 = cell.across.p50_ms
            middle = format_interval_ms(p50.value, p50.low, p50.high)
            between = f"{cell.across.between_share:.1%} ({cell.across.advice})"
        rows.append(
            (
                cell.options.engine,
                str(cell.options.threads),
                str(cell.options.batch),
                str(len(cell.launches)),
                middle,
                format_ms(max(p95s)) if p95s else "-",
                between,
                f"{sum(rates) / len(rates):.3g}" if rates else "-",
            )
        )
    return headers, rows
