"""A section of a report, and how figures are shown in one."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.core.estimate import Estimate
from edgekit.core.record import Unavailable
from edgekit.core.units import format_interval_ms, format_ms


@dataclass(frozen=True)
class Section:
    """A heading, a table, and sentences below it."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    chart: str = ""
    """Name of the charts that belong to it; see html.py."""
    values: tuple[tuple[float | None, ...], ...] = ()
    """Numbers behind the cells, where a reader may sort by them; as many as ``rows``."""


def show_estimate(estimate: Estimate | Unavailable) -> str:
    """Value with its interval, or a dash."""
    if isinstance(estimate, Unavailable):
        return "-"
    return format_interval_ms(estimate.value, estimate.low, estimate.high)


def show_value(estimate: Estimate | Unavailable) -> str:
    """Value alone, or a dash."""
    return "-" if isinstance(estimate, Unavailable) else format_ms(estimate.value)
