"""A selection as a table: every candidate, the front, and the winner."""

from __future__ import annotations

from edgekit.core.record import Unavailable
from edgekit.core.selection import Candidate, Selection
from edgekit.core.units import format_bytes
from edgekit.report.section import Section, show_estimate

HEADERS = ("", "engine", "recipe", "size", "p50", "drop", "agreement", "budget")


def selection_section(selection: Selection) -> Section:
    """Fastest first; what could not be measured comes last, with the reason."""
    ordered = sorted(selection.candidates, key=_latency)
    rows = tuple(_row(c, selection.winner) for c in ordered)
    notes = (
        f"{selection.board}, {selection.machine} [{selection.mode.value}]",
        *selection.notes,
        "> kept, * on the front: no other is as good in size, latency and accuracy, and better in one",
    )
    title = f"{selection.model_name} on {selection.board}"
    return Section(title, HEADERS, rows, notes, "pareto")


def _latency(candidate: Candidate) -> float:
    p50 = candidate.p50_ms
    return float("inf") if isinstance(p50, Unavailable) else p50.value


def _row(candidate: Candidate, winner: str) -> tuple[str, ...]:
    mark = ">" if candidate.name == winner else "*" if candidate.is_pareto else ""
    size = candidate.size_bytes
    p50 = candidate.p50_ms
    drop, agreement = candidate.drop_points, candidate.agreement
    return (
        mark,
        candidate.engine,
        candidate.recipe,
        "-" if isinstance(size, Unavailable) else format_bytes(size),
        f"- {p50.reason}" if isinstance(p50, Unavailable) else show_estimate(p50),
        "-" if drop is None else f"{drop:.2f} points",
        "-" if agreement is None else f"{agreement:.1%}",
        candidate.missed or ("-" if isinstance(p50, Unavailable) else "kept"),
    )
