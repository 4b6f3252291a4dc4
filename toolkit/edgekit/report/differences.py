"""A difference of two records as sections."""

from __future__ import annotations

from collections.abc import Iterator

from edgekit.core.difference import Difference, FigureChange, Judgement
from edgekit.core.estimate import Estimate
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes, format_count
from edgekit.report.section import Section, show_estimate

MARKS = {
    Judgement.BETTER: "-",
    Judgement.WORSE: "+",
    Judgement.SAME: "=",
    Judgement.UNDECIDED: "~",
}
"""- less, + more than before, = the same, ~ not significant; as asv marks them."""


def difference_sections(difference: Difference) -> Iterator[Section]:
    """The figures; then what else changed."""
    rows = tuple(
        (
            MARKS[f.judgement],
            f.name,
            _shown(f, f.before),
            _shown(f, f.after),
            ratio_text(f.ratio),
            f.judgement.value,
        )
        for f in difference.figures
    )
    headers = ("", "figure", difference.before, difference.after, "ratio", "judgement")
    notes = (
        *difference.notes,
        "ratio: after / before with its 95 % interval; same: within 3 %, undecided: too few samples",
    )
    yield Section(f"Two {difference.of}", headers, rows, notes)
    if difference.changes:
        changed = tuple((c.what, c.before, c.after) for c in difference.changes)
        yield Section("What else changed", ("", "before", "after"), changed)


def ratio_text(ratio: Estimate | Unavailable) -> str:
    """A ratio with its interval."""
    if isinstance(ratio, Unavailable):
        return "-"
    if ratio.low == ratio.high:
        return f"{ratio.value:.3f} x"
    return f"{ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}] x"


def _shown(figure: FigureChange, value: Estimate | Unavailable) -> str:
    if isinstance(value, Unavailable):
        return "-"
    if figure.unit == "ms":
        return show_estimate(value)
    if figure.unit == "bytes":
        return format_bytes(value.value)
    return f"{value.value:.2f}%" if figure.unit == "%" else format_count(value.value)
