"""The report as one self-contained HTML page: nothing is fetched, and only our own script may run.

The page forbids by its own policy every script but the one that sorts tables, so that a name from a
board or a model could not run one even if it got past the escaping.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from importlib.resources import files

from edgekit import __version__
from edgekit.core.artifact import Accuracy
from edgekit.core.estimate import Estimate
from edgekit.core.lag import Roofline
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes, format_ms
from edgekit.report.charts.break_even import break_even_chart
from edgekit.report.charts.distribution import ecdf_chart, histogram_chart
from edgekit.report.charts.latency import latency_chart
from edgekit.report.charts.ledger import ledger_chart
from edgekit.report.charts.pareto import pareto_chart
from edgekit.report.charts.roofline import roofline_chart
from edgekit.report.charts.timeline import timeline_chart
from edgekit.report.details import details, series_of
from edgekit.report.input import ReportInput
from edgekit.report.section import show_estimate, show_value
from edgekit.report.sections import headline, sections

SUFFIX = ".html"
CLASSES = ("edge", "cloud", "severe", "warning", "info", "kept", "missed")
"""Cells that say one of these words are shown in its colour."""


def render(report: ReportInput) -> str:
    """The page."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("edgekit.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["time"] = _gain
    script = (files("edgekit.report") / "templates" / "sort.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("report.html.j2").render(
        report=report,
        answer=headline(report),
        cards=tuple(_cards(report)),
        sections=(*sections(report), *details(report)),
        charts=_charts(report),
        classes=CLASSES,
        version=__version__,
        script=script,
        script_hash=f"sha256-{digest}",
    )


def _charts(report: ReportInput) -> dict[str, tuple[str, ...]]:
    """Name of a section's charts to their pictures."""
    drawn: dict[str, list[str]] = {}
    if report.comparison is not None:
        drawn["latency"] = [latency_chart(report.comparison)]
        drawn["break-even"] = [break_even_chart(report.comparison)]
    if report.lag is not None:
        drawn["ledger"] = [ledger_chart(report.lag)]
        if isinstance(report.lag.roofline, Roofline):
            drawn["roofline"] = [roofline_chart(report.lag.roofline)]
    several = series_of(report)
    if several:
        drawn["distribution"] = [ecdf_chart(several)]
        if report.measurement is not None:
            drawn["distribution"].insert(0, histogram_chart(several[0]))
    if report.measurement is not None and report.measurement.starts_ns:
        drawn["timeline"] = [timeline_chart(report.measurement)]
    if report.selection is not None:
        drawn["pareto"] = [pareto_chart(report.selection)]
    return {name: tuple(filter(None, pictures)) for name, pictures in drawn.items()}


def _cards(report: ReportInput) -> Iterator[tuple[str, str, str]]:
    """Title, figure and remark of what people look for first."""
    if report.measurement is not None:
        m = report.measurement
        p = m.summaries["total"].percentiles_ms
        yield f"edge p50 [{m.mode.value}]", show_estimate(p["p50"]), f"p95 {show_value(p['p95'])}"
    if report.comparison is not None:
        best = min(report.comparison.networks, key=lambda item: item.p50.cloud_ms.value)
        where = f"over {best.network.id}, emulated" if best.network else "over the real network"
        yield "cloud p50 at best", show_estimate(best.p50.cloud_ms), where
    if report.artifact is not None:
        card = report.artifact
        before = card.float_size_bytes
        was = "" if isinstance(before, Unavailable) else f"was {format_bytes(before)} in float32"
        yield "model", format_bytes(card.size_bytes), was
        if isinstance(card.accuracy, Accuracy):
            a = card.accuracy
            yield a.metric, f"{a.artifact:.2%}", f"was {a.original:.2%}, {a.sample_count} samples"
    if report.measurement is not None:
        notes = len([note for note in report.measurement.validity if note.level != "info"])
        remark = _doubts(notes) if notes else "nothing speaks against it"
        yield "stamp", report.measurement.stamp.value, remark


def _doubts(count: int) -> str:
    return f"{count} reason to doubt it" if count == 1 else f"{count} reasons to doubt it"


def _gain(value: object) -> str:
    """A gain in words, or why it is not known."""
    if isinstance(value, Unavailable):
        return f"not known ({value.reason})"
    if isinstance(value, Estimate):
        return show_estimate(value)
    return format_ms(value) if isinstance(value, int | float) else str(value)
