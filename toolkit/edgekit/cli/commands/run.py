"""Measure a deployed model on its board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.options import inventory_option, records_option
from edgekit.cli.output import Output, aligned, output_options
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes, format_interval_ms, format_ms

if TYPE_CHECKING:
    from edgekit.core.measurement import Estimate, Measurement


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
    output.data(done.measurement, describe_measurement(done.measurement))
    for note in done.measurement.validity:
        output.note(f"{note.level}: {note.message}")
    output.note(f"record: {path}")
    output.next_step(f"edgekit compare {path} {artifact} --cloud grpc://HOST:PORT")


def describe_measurement(measurement: Measurement) -> str:
    """Percentiles per phase, what ran, how it started."""
    keys = ("p50", "p95", "p99")
    rows = [
        (name, *(show_estimate(s.percentiles_ms[key]) for key in keys), format_ms(s.max_ms))
        for name, s in measurement.summaries.items()
    ]
    total = measurement.summaries["total"]
    once = ", ".join(
        f"{name} {format_ms(value / 1e6)}" for name, value in measurement.once_ns.items()
    )
    memory = measurement.peak_memory_bytes
    peak = "" if isinstance(memory, Unavailable) else f", peak memory {format_bytes(memory)}"
    return "\n".join(
        [
            f"{measurement.model['name']} {measurement.model['recipe']} on {measurement.board}: "
            f"{measurement.engine} {measurement.engine_version}, {measurement.options.threads} "
            f"threads  [{measurement.mode}]",
            f"machine: {measurement.machine}",
            aligned(("phase", *keys, "max"), rows),
            f"{total.sample_count} invocations ({total.effective_sample_count:.0f} independent), "
            f"once: {once}{peak}",
        ]
    )


def show_estimate(estimate: Estimate | Unavailable) -> str:
    """``4.57 [4.50, 4.61] ms``, or ``-`` when there is none."""
    if isinstance(estimate, Unavailable):
        return "-"
    return format_interval_ms(estimate.value, estimate.low, estimate.high)
