"""Measure a deployed model on its board."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.golden_options import golden_options, thresholds_of
from edgekit.cli.options import RUNS, WARMUP_RUNS, inventory_option, records_option
from edgekit.cli.output import Output, aligned, output_options
from edgekit.cli.quantities import CountList, Duration, Pair, Rate

if TYPE_CHECKING:
    from edgekit.cli.chain import RunSettings
    from edgekit.measure.sweep import Matrix


@dataclass(frozen=True)
class Where:
    """What is run where, and where its record goes."""

    artifact: Path
    board: str
    app: str
    inventory: Path | None
    records: Path
    out: Path | None


@click.command()
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--board", required=True, help="Board name, user@host[:port], or local.")
@click.option("--app", default="", help="Name on the board; default: the artifact's name.")
@click.option(
    "--policy",
    default="default",
    show_default=True,
    help="How long: quick, default, strict, mlperf-singlestream. Ends at its precision or budget.",
)
@click.option("--runs", type=RUNS, help="As many, whatever the precision.")
@click.option("--warmup-runs", type=WARMUP_RUNS, help="Before the first sample.")
@click.option("--seconds", type=Duration(), help="So long at least, whatever the precision.")
@click.option("--max-seconds", type=Duration(), help="Longest timed part.")
@click.option("--duration", type=Duration(), help="Timed part of this length: 90s, 30min, 1h.")
@click.option("--rate", type=Rate(), help="Scheduled starts: 5/s, 30/min. Default: no pause.")
@click.option("--concurrency", default=1, type=click.IntRange(1, 64), help="Streams at a time.")
@click.option("--batch", type=CountList(), help="Samples per inference; several: 1,2,4,8.")
@click.option("--threads", type=CountList(), help="Engine threads; default: the profile's.")
@click.option("--engine", default="", help="Another engine than the artifact's; several: a,b.")
@click.option("--engine-option", type=Pair(), multiple=True, help="Such as spinning=off.")
@click.option("--launches", type=click.IntRange(1, 100), help="Processes per setting.")
@click.option(
    "--variant",
    type=click.Choice(["copied", "bound", "native"]),
    default="copied",
    show_default=True,
    help="copied: fresh input each time, as an application; bound: into the engine's own "
    "memory; native: the inference alone.",
)
@click.option(
    "--pipeline",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Your pipeline.py: preprocess(raw), postprocess(outputs).",
)
@click.option("--profile-ops", is_flag=True, help="Times per operation, in a run of their own.")
@click.option("--trace", type=click.Path(path_type=Path), help="Chrome trace of --profile-ops.")
@click.option("--strict", is_flag=True, help="Exit code 6 when the result is not stamped valid.")
@golden_options
@click.option("--out", type=click.Path(path_type=Path), help="File for the record.")
@inventory_option
@records_option
@output_options
def command(
    artifact: Path,
    board: str,
    app: str,
    inventory: Path | None,
    records: Path,
    out: Path | None,
    strict: bool,
    output: Output,
    **given: object,
) -> None:
    """Measure an artifact on a board; it is deployed first when it is not there yet.

    Every invocation is timed from the decoded picture (or the recorded input) to the answer, cut
    into its phases, with the board's state sampled beside it. Percentiles come with their
    confidence interval; those that the samples cannot bound are not shown. The result is stamped
    valid, doubtful or invalid, and a line under the table names the cause and the cure.

    \b
    Examples:
      edgekit run artifact --board kitchen-pi
      edgekit run artifact --board kitchen-pi --policy strict --strict
      edgekit run artifact --board kitchen-pi --rate 5/s --duration 30min
      edgekit run artifact --board kitchen-pi --threads 1,2,4 --launches 3
      edgekit run artifact --board kitchen-pi --profile-ops --trace trace.json
      edgekit run artifact --board local --threads 1 --json
    """
    from edgekit.cli.chain import deploy_and_run
    from edgekit.cli.showing import show
    from edgekit.core.record import save
    from edgekit.report.input import ReportInput
    from edgekit.report.run_sets import set_table
    from edgekit.report.text import render

    matrix, settings = _matrix(given), _settings(given)
    if given["profile_ops"] or given["trace"]:
        where = Where(artifact, board, app, inventory, records, out)
        _profile(where, settings, matrix, given["trace"], output)
        return
    done = deploy_and_run(
        artifact,
        board,
        app,
        settings,
        inventory=inventory,
        output=output,
        matrix=matrix,
        records=records,
    )
    if done.run_set is not None:
        name = f"set-{done.run_set.cells[0].launches[0].measurement}"
        path = save(done.run_set, out or records / f"{name}.json")
        headers, rows = set_table(done.run_set)
        output.note(f"each run has a record in {records}")
        show(done.run_set, aligned(headers, rows), path, output, strict=strict)
        return
    measured = done.measurement
    path = save(measured, out or records / f"{measured.id}.json")
    report = ReportInput(f"{measured.model['name']} on {measured.board}", measurement=measured)
    show(measured, render(report), path, output, strict=strict)
    output.next_step(
        f"edgekit compare {path} ORIGINAL --cloud grpc://HOST:PORT  "
        "(ORIGINAL: the artifact that is served there)"
    )


def _profile(
    where: Where, settings: RunSettings, matrix: Matrix, trace: object, output: Output
) -> None:
    from edgekit.cli.profiling import profile_artifact, profile_text, write_trace
    from edgekit.core.errors import UsageFault
    from edgekit.core.record import save

    if not matrix.is_single:
        raise UsageFault(
            "a profile is of one combination of threads, batch and engine",
            hint="name one of each: --threads 1 --profile-ops",
        )
    settings = replace(
        settings,
        threads=matrix.threads[0] if matrix.threads else 0,
        batch=matrix.batches[0] if matrix.batches else 1,
    )
    engine = matrix.engines[0] if matrix.engines else ""
    profile = profile_artifact(
        where.artifact,
        where.board,
        where.app,
        settings,
        inventory=where.inventory,
        output=output,
        engine=engine,
    )
    path = save(profile, where.out or where.records / f"{profile.id}.json")
    output.data(profile, profile_text(profile))
    if isinstance(trace, Path):
        write_trace(profile, trace)
        output.note(f"trace: {trace} (open it in ui.perfetto.dev or chrome://tracing)")
    output.note(f"record: {path}")


def _settings(given: dict[str, object]) -> RunSettings:
    pipeline = given["pipeline"]
    pairs = given["engine_option"]
    assert isinstance(pairs, tuple)
    from edgekit.cli.run_length import length_of

    return replace(
        length_of(given),
        variant=str(given["variant"]),
        concurrency=int(str(given["concurrency"])),
        rate_hz=float(str(given["rate"] or 0)),
        engine_options=dict(pairs),
        pipeline=pipeline if isinstance(pipeline, Path) else None,
        thresholds=thresholds_of(given),
    )


def _matrix(given: dict[str, object]) -> Matrix:
    from edgekit.measure.policies import find_policy
    from edgekit.measure.sweep import Matrix

    names = [name.strip() for name in str(given["engine"]).split(",")]
    return Matrix(
        threads=_numbers(given["threads"]),
        batches=_numbers(given["batch"]),
        engines=tuple(name for name in names if name),
        launches=int(str(given["launches"] or find_policy(str(given["policy"])).launches)),
    )


def _numbers(value: object) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else ()
