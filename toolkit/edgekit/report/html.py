"""The report as one self-contained HTML page: no script, no font, no address is fetched."""

from __future__ import annotations

from edgekit import __version__
from edgekit.report.charts import latency_chart, ledger_chart
from edgekit.report.input import ReportInput
from edgekit.report.sections import headline, sections

SUFFIX = ".html"
CLASSES = ("edge", "cloud", "severe", "warning", "info")


def render(report: ReportInput) -> str:
    """The page."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("edgekit.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    charts = {"": "", "latency": "", "ledger": ""}
    if report.comparison is not None:
        charts["latency"] = latency_chart(report.comparison)
    if report.lag is not None:
        charts["ledger"] = ledger_chart(report.lag)
    return environment.get_template("report.html.j2").render(
        report=report,
        answer=headline(report),
        sections=sections(report),
        charts=charts,
        classes=CLASSES,
        version=__version__,
    )
