"""Measure a deployed model on its board."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.options import inventory_option, records_option
from edgekit.cli.output import Output, output_options


@click.command()
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--board", required=True, help="Board name, user@host[:port], or local.")
@click.option("--app", default="", help="Name on the board; default: the artifact's name.")
@click.option("--runs", default=300, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--warmup-runs", default=20, show_default=True, type=click.IntRange(0, 10_000))
@click.option("--seconds", default=3.0, show_default=True, help="Shortest timed part.")
@click.option("--max-seconds", default=60.0, show_default=True, help="Longest timed part.")
@click.option("--threads", default=0, help="Threads of the engine; default: the profile's.")
@click.option(
    "--variant",
    type=click.Choice(["copied", "bound"]),
    default="copied",
    show_default=True,
    help="copied: fresh input each time, as an application; bound: the inference alone.",
)
@inventory_option
@records_option
@output_options
def command(
    artifact: Path,
    board: str,
    app: str,
    inventory: Path | None,
    records: Path,
    output: Output,
    **given: object,
) -> None:
    """Measure an artifact on a board; it is deployed first when it is not there yet.

    Every invocation is timed from the decoded picture (or the recorded input) to the answer, cut
    into its phases, with the board's state sampled beside it. Percentiles come with their
    confidence interval; those that the samples cannot bound are not shown.

    \b
    Examples:
      edgekit run artifact --board kitchen-pi
      edgekit run artifact --board kitchen-pi --runs 2000 --seconds 60 --max-seconds 120
      edgekit run artifact --board local --threads 1 --json
    """
    from edgekit.cli.chain import RunSettings, deploy_and_run
    from edgekit.core.record import save
    from edgekit.report.input import ReportInput
    from edgekit.report.text import render

    settings = RunSettings(
        runs=int(str(given["runs"])),
        warmup_runs=int(str(given["warmup_runs"])),
        min_duration_s=float(str(given["seconds"])),
        max_duration_s=float(str(given["max_seconds"])),
        threads=int(str(given["threads"])),
        variant=str(given["variant"]),
    )
    done = deploy_and_run(artifact, board, app, settings, inventory=inventory, output=output)
    path = save(done.measurement, records / f"{done.measurement.id}.json")
    measured = done.measurement
    report = ReportInput(f"{measured.model['name']} on {measured.board}", measurement=measured)
    output.data(measured, render(report))
    output.note(f"record: {path}")
    output.next_step(f"edgekit compare {path} {artifact} --cloud grpc://HOST:PORT")
