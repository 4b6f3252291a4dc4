"""Write a report from saved records."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.output import Output, output_options
from edgekit.core.errors import ConfigError
from edgekit.core.suggest import did_you_mean

if TYPE_CHECKING:
    from edgekit.core.gate import Gate
    from edgekit.measure.gates import Condition
    from edgekit.report.input import ReportInput

FORMS = {
    "html": ("html", "One page for a browser, everything inside."),
    "markdown": ("markdown", "For pull requests."),
    "csv": ("csv_form", "Every sample, a row each."),
    "junit": ("junit", "For a CI gate: budgets and validity."),
    "trace": ("trace", "Chrome trace of every invocation."),
}
"""Option to the module of edgekit.report that writes it, and what it is for."""
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("records", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--html", type=FILE, help=FORMS["html"][1])
@click.option("--markdown", type=FILE, help=FORMS["markdown"][1])
@click.option("--csv", type=FILE, help=FORMS["csv"][1])
@click.option("--junit", type=FILE, help=FORMS["junit"][1])
@click.option("--trace", type=FILE, help=FORMS["trace"][1])
@click.option("--out", type=FILE, help="File in the form of its suffix: .html, .md, .txt, .json …")
@click.option("--title", default="", help="Title of the report.")
@click.option("--fail-if", "conditions", multiple=True, help="Exit 7 when it holds: edge.p95>20ms")
@output_options
def command(
    records: tuple[Path, ...],
    out: Path | None,
    title: str,
    conditions: tuple[str, ...],
    output: Output,
    **given: Path | None,
) -> None:
    """Write one report from RECORDS that belong together, in any order.

    Takes runs, cloud trips, comparisons, lag reports, deployments, card.json files, selections,
    profiles of operations, loads and whole reports. Without a file it is printed.

    \b
    Examples:
      edgekit report records/*.json artifact --html report.html
      edgekit report records/run-1a2b3c4d.json --fail-if 'edge.p95>20ms' --junit budget.xml
      edgekit report records/run-1a2b3c4d.json
    """
    from edgekit.cli.gathering import gather
    from edgekit.core.record import dump, write_atomically
    from edgekit.measure.gates import parse_condition, require_kept
    from edgekit.report.text import render as render_text

    judged = [parse_condition(text) for text in conditions]
    report = gather(records, title)
    if judged:
        report = dataclasses.replace(report, gates=_gates(judged, report))
    texts = {path: _render(FORMS[form][0], report) for form, path in given.items() if path}
    if out is not None:
        texts[out] = render_as(report, out)
    for path, text in texts.items():
        write_atomically(path, text)
    if texts:
        paths = [str(path) for path in texts]
        output.data({"reports": paths}, "\n".join(f"wrote {path}" for path in paths))
    else:
        output.data(dump(report), render_text(report))
    require_kept(report.gates)


def _gates(conditions: list[Condition], report: ReportInput) -> tuple[Gate, ...]:
    from edgekit.measure.gates import judge

    found = report.comparison or report.measurement
    if found is None:
        raise ConfigError(
            "--fail-if needs a run or a comparison among the records",
            hint="edgekit report records/run-….json --fail-if 'edge.p95>20ms'",
        )
    return judge(conditions, found)


def _render(module: str, report: ReportInput) -> str:
    import importlib

    text: str = importlib.import_module(f"edgekit.report.{module}").render(report)
    return text


def render_as(report: ReportInput, out: Path) -> str:
    """The report in the form that the file's suffix names.

    Raises:
        ConfigError: there is no such form.
    """
    from edgekit.core.plugins import plugins

    forms = {
        module.SUFFIX: module for module in plugins("edgekit.report", having="SUFFIX").values()
    }
    if out.suffix not in forms:
        raise ConfigError(
            f"{out}: no report has the suffix {out.suffix!r}",
            hint=did_you_mean(out.suffix, forms, limit=1),
        )
    text: str = forms[out.suffix].render(report)
    return text
