"""Write a report from saved records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgekit.cli.output import Output, output_options
from edgekit.core.errors import ConfigError, RecordError

if TYPE_CHECKING:
    from edgekit.report.input import ReportInput


@click.command()
@click.argument("records", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="File: .html, .md, .txt or .json.")
@click.option("--title", default="", help="Title of the report.")
@output_options
def command(records: tuple[Path, ...], out: Path | None, title: str, output: Output) -> None:
    """Write one report from RECORDS that belong together, in any order.

    Takes measurements, cloud trips, comparisons, lag reports, deployments, card.json files and
    whole reports. Without --out it is printed.

    \b
    Examples:
      edgekit report records/*.json artifact/card.json --out report.html
      edgekit report records/run-1a2b3c4d.json
    """
    from edgekit.core.record import dump, write_atomically
    from edgekit.report.text import render as render_text

    report = gather(records, title)
    if out is None:
        output.data(dump(report), render_text(report))
        return
    text = render_as(report, out)
    write_atomically(out, text)
    output.data({"report": str(out)}, f"wrote {out}")


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
            f"{out}: no report has the suffix {out.suffix!r}", hint="one of: " + ", ".join(forms)
        )
    text: str = forms[out.suffix].render(report)
    return text


def gather(paths: tuple[Path, ...], title: str) -> ReportInput:
    """One report from record files.

    Raises:
        RecordError: a file is no record, or two of them take the same place.
    """
    from edgekit.core.artifact import ModelArtifact
    from edgekit.core.comparison import Comparison
    from edgekit.core.deploy import Deployment
    from edgekit.core.lag import LagReport
    from edgekit.core.measurement import Measurement
    from edgekit.core.network import CloudTrip
    from edgekit.core.record import Record, parse, read_document
    from edgekit.report.input import ReportInput

    places: dict[str, type[Record]] = {
        "artifact": ModelArtifact,
        "deployment": Deployment,
        "measurement": Measurement,
        "comparison": Comparison,
        "lag": LagReport,
    }
    by_kind = {kind.KIND: (place, kind) for place, kind in places.items()}
    found: dict[str, Any] = {}  # Any: records of different kinds
    trips: list[CloudTrip] = []
    for path in paths:
        document = read_document(path)
        kind = str(document.get("kind"))
        if kind == ReportInput.KIND:
            return parse(ReportInput, document, where=str(path))
        if kind == CloudTrip.KIND:
            trips.append(parse(CloudTrip, document, where=str(path)))
            continue
        if kind not in by_kind:
            raise RecordError(f"{path}: a {kind} has no place in a report")
        place, record = by_kind[kind]
        if place in found:
            raise RecordError(
                f"{path}: there is already a {place} among the records",
                hint="name the records of one run only",
            )
        found[place] = parse(record, document, where=str(path))
    return ReportInput(title or _title(found), trips=tuple(trips), **found)


def _title(found: dict[str, Any]) -> str:  # Any: records of different kinds
    if "measurement" in found:
        measurement = found["measurement"]
        return f"{measurement.model['name']} on {measurement.board}"
    if "artifact" in found:
        return f"{found['artifact'].name} for {found['artifact'].profile}"
    return "edgekit report"
