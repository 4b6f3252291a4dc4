"""Say where the time goes, why, and try what helps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.options import inventory_option, records_option
from edgekit.cli.output import Output, output_options
from edgekit.cli.quantities import Duration, Pair, Rate
from edgekit.cli.target_condition import TargetCondition, TargetType

if TYPE_CHECKING:
    from edgekit.cli.investigating import Question
    from edgekit.core.lag import LagReport
    from edgekit.core.measurement import Measurement


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.argument("more", nargs=-1, type=click.Path(path_type=Path))
@click.option("--board", default="", help="Measure the artifact TARGET there: name, or local.")
@click.option("--cloud", default="", help="Ask this endpoint, too: grpc://host:port.")
@click.option("--original", type=click.Path(path_type=Path), help="What the endpoint serves.")
@click.option("--network", "networks", multiple=True, help="Emulate this one on the way there.")
@click.option("--payload", default="", help="What is sent: jpeg, picture, tensor or json.")
@click.option("--budget", default="2min", show_default=True, type=Duration(), help="Of time.")
@click.option("--no-experiments", is_flag=True, help="Explain one run, try nothing.")
@click.option("--recalibrate", is_flag=True, help="Measure the board's peaks again.")
@click.option("--apply", "is_applied", is_flag=True, help="Carry remedies out, keep what helps.")
@click.option("--target", "condition", type=TargetType(), help="With --apply: 'p95<20ms'.")
@click.option("--threads", type=click.IntRange(1, 1024), help="Of the run that is explained.")
@click.option("--batch", default=1, type=click.IntRange(1, 4096), help="Samples per inference.")
@click.option("--concurrency", default=1, type=click.IntRange(1, 64), help="Streams at a time.")
@click.option("--rate", type=Rate(), help="Scheduled starts: 5/s. Default: no pause.")
@click.option("--engine", default="", help="Another engine than the artifact's.")
@click.option("--engine-option", type=Pair(), multiple=True, help="Such as spinning=off.")
@click.option(
    "--pipeline",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Your pipeline.py.",
)
@click.option(
    "--trip", "trips", multiple=True, type=click.Path(path_type=Path), help="Cloud trip."
)
@click.option("--artifact", type=click.Path(path_type=Path), help="Folder that was measured.")
@click.option("--facts", type=click.Path(path_type=Path), help="Record of boards probe --out.")
@inventory_option
@records_option
@output_options
def command(
    target: Path,
    more: tuple[Path, ...],
    board: str,
    records: Path,
    is_applied: bool,
    condition: TargetCondition | None,
    output: Output,
    **given: object,
) -> None:
    """Say where the time goes: shares that add up, causes with evidence, remedies as commands.

    TARGET is an artifact that --board measures, with experiments that tell causes apart, or a
    record of `edgekit run`; then MORE records may follow (trips, profiles of operations,
    calibrations, facts) and no board is needed. --apply carries safe remedies out one after the
    other, measures each beside the state before, keeps what is surely faster, and ends when the
    target holds (exit code 7 when it does not in the end).

    \b
    Examples:
      edgekit explain artifact --board kitchen-pi --budget 2min
      edgekit explain artifact --board kitchen-pi --apply --target 'p95<20ms'
      edgekit explain artifact --board kitchen-pi --cloud grpc://10.0.0.5:8081 --network 4g
      edgekit explain records/run-1a2b3c4d.json records/trip-5e6f7a8b.json --artifact artifact
    """
    from edgekit.core.errors import ConfigError, UsageFault

    if (condition or is_applied) and not (is_applied and board):
        raise UsageFault(
            "remedies are carried out on a board",
            hint="edgekit explain ARTIFACT --board NAME --apply --target 'p95<20ms'",
        )
    if not board:
        if target.is_dir():
            raise ConfigError(
                f"{target} is an artifact: on which board does it run?", hint="--board NAME"
            )
        measured, report = _offline(target, more, given)
        _show(report, measured, target, records, output)
        return
    if more:
        raise UsageFault(f"{more[0]}: with --board everything is measured", hint="leave it out")
    _on_board(
        target, board, records, _question(given, is_applied), condition, is_applied, given, output
    )


def _on_board(
    folder: Path,
    board: str,
    records: Path,
    question: Question,
    condition: TargetCondition | None,
    is_applied: bool,
    given: dict[str, object],
    output: Output,
) -> None:
    from edgekit.cli.chain import open_targets
    from edgekit.cli.investigating import Investigation
    from edgekit.cli.remedying import apply_remedies, require_target

    inventory = given["inventory"]
    place = Path(str(inventory)) if inventory else None
    with open_targets(folder, board, "", question.run, inventory=place, output=output) as targets:
        investigation = Investigation(targets, question, records)
        output.note(f"running {folder} on {board}")
        report = investigation.look()
        if is_applied:
            report = apply_remedies(investigation, report, condition)
    measured = investigation.measured
    assert measured
    _show(report, measured, records / f"{measured.id}.json", records, output)
    if condition:
        require_target(condition, measured, report)


def _show(
    report: LagReport, measured: Measurement, run: Path, records: Path, output: Output
) -> None:
    from edgekit.core.lag import Roofline
    from edgekit.core.record import save
    from edgekit.report.input import ReportInput
    from edgekit.report.lag import roofline_section
    from edgekit.report.text import render, render_section

    path = save(report, records / f"lag-{measured.id}.json")
    title = f"{measured.model['name']} on {measured.board}"
    text = render(ReportInput(title, lag=report))
    if isinstance(report.roofline, Roofline):
        text += f"\n{render_section(roofline_section(report.roofline))}\n"
    output.data(report, text)
    output.note(f"record: {path}")
    output.next_step(f"edgekit report {run} {path} --out report.html")


def _question(given: dict[str, object], is_applied: bool) -> Question:
    from edgekit.cli.chain import RunSettings
    from edgekit.cli.investigating import Question
    from edgekit.networks.catalog import load_network

    pairs, networks = given["engine_option"], given["networks"]
    assert isinstance(pairs, tuple)
    assert isinstance(networks, tuple)
    pipeline, original = given["pipeline"], given["original"]
    run = RunSettings(
        runs=100,
        min_duration_s=2.0,
        max_duration_s=20.0,
        threads=int(str(given["threads"] or 0)),
        batch=int(str(given["batch"])),
        concurrency=int(str(given["concurrency"])),
        rate_hz=float(str(given["rate"] or 0)),
        engine_options=dict(pairs),
        pipeline=pipeline if isinstance(pipeline, Path) else None,
    )
    return Question(
        run,
        float(str(given["budget"])),
        engine=str(given["engine"]),
        cloud=str(given["cloud"]),
        original=original if isinstance(original, Path) else None,
        networks=tuple(load_network(str(name)) for name in networks),
        payload=str(given["payload"]),
        recalibrate=bool(given["recalibrate"]),
        has_experiments=not given["no_experiments"],
        is_applied=is_applied,
    )


def _offline(
    run: Path, more: tuple[Path, ...], given: dict[str, object]
) -> tuple[Measurement, LagReport]:
    from edgekit.cli.lag_records import gather
    from edgekit.explain.explaining import explain

    trips, artifact, facts = given["trips"], given["artifact"], given["facts"]
    assert isinstance(trips, tuple)
    others = [*more, *trips, *([facts] if isinstance(facts, Path) else [])]
    measured, known = gather(run, others, artifact if isinstance(artifact, Path) else None)
    return measured, explain(measured, known)
