"""Say where the time goes, and why."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.options import records_option
from edgekit.cli.output import Output, output_options


@click.command()
@click.argument("measurement", type=click.Path(path_type=Path))
@click.option(
    "--trip", "trips", multiple=True, type=click.Path(path_type=Path), help="Cloud trip."
)
@click.option("--artifact", type=click.Path(path_type=Path), help="Folder that was measured.")
@click.option("--facts", type=click.Path(path_type=Path), help="Record of boards probe --out.")
@records_option
@output_options
def command(
    measurement: Path,
    trips: tuple[Path, ...],
    artifact: Path | None,
    facts: Path | None,
    records: Path,
    output: Output,
) -> None:
    """Say where the time of a MEASUREMENT record goes: shares that add up, causes, remedies.

    Works on saved records alone; no board is needed.

    \b
    Examples:
      edgekit explain records/run-1a2b3c4d.json --artifact artifact
      edgekit explain records/run-1a2b3c4d.json --trip records/trip-5e6f7a8b.json --json
    """
    from edgekit.boards.deploy import load_card
    from edgekit.core.board import BoardFacts
    from edgekit.core.measurement import Measurement
    from edgekit.core.network import CloudTrip
    from edgekit.core.record import load, save
    from edgekit.explain.evidence import Records
    from edgekit.explain.explaining import explain
    from edgekit.profiles.device import load_profile
    from edgekit.report.input import ReportInput
    from edgekit.report.text import render

    measured = load(Measurement, measurement)
    report = explain(
        measured,
        Records(
            tuple(load(CloudTrip, path) for path in trips),
            load_card(artifact) if artifact else None,
            load_profile(measured.profile),
            load(BoardFacts, facts) if facts else None,
            folder=str(artifact) if artifact else "",
        ),
    )
    path = save(report, records / f"lag-{measured.id}.json")
    output.data(
        report, render(ReportInput(f"{measured.model['name']} on {measured.board}", lag=report))
    )
    output.note(f"record: {path}")
    output.next_step(f"edgekit report {measurement} {path} --out report.html")
