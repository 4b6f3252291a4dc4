"""The whole job: convert, deploy, run, compare, explain, report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from edgekit.cli.options import (
    RUNS,
    THREADS,
    WARMUP_RUNS,
    cloud_access,
    cloud_options,
    inventory_option,
)
from edgekit.cli.output import Output, output_options
from edgekit.cli.projects import (
    ConvertOptions,
    convert_options,
    convert_request,
    own_pipeline,
    read_project,
)
from edgekit.cli.quantities import Duration

NETWORKS = ("fiber", "4g", "3g-fast")


@click.command()
@convert_options
@click.option("--board", default="", help="Board name, user@host[:port], or local (default).")
@click.option(
    "--cloud", default="", help="Endpoint grpc(s)://… or http(s)://host:port, or local (default)."
)
@click.option("--network", "networks", multiple=True, help="Emulate these: edgekit net list.")
@cloud_options
@click.option("--out", type=click.Path(path_type=Path), default=Path("edgekit-out"))
@click.option("--policy", help="How to measure on the board, as in edgekit run: quick, strict...")
@click.option(
    "--runs", type=RUNS, help="Invocations on the board, at least; default: 300 without --policy."
)
@click.option("--warmup-runs", type=WARMUP_RUNS, help="Before the timed part; default: 20.")
@click.option(
    "--seconds", type=Duration(), help="Timed part on the board; default: 5 without --policy."
)
@click.option(
    "--threads", default=0, type=THREADS, help="Threads of the engine; default: the profile's."
)
@click.option("--fail-if", "budgets", multiple=True, help="Exit 7 when it holds: edge.p95>20ms")
@click.option("--restart", is_flag=True, help="Do again what a broken-off run has done.")
@inventory_option
@output_options
def command(
    options: ConvertOptions,
    board: str,
    cloud: str,
    networks: tuple[str, ...],
    restart: bool,
    budgets: tuple[str, ...],
    inventory: Path | None,
    output: Output,
    **given: object,
) -> None:
    """Take MODEL through the whole job and say which side is faster, why, and what it costs.

    Converts it for the profile, puts it on the board, measures it there, measures the original
    model behind a cloud endpoint over each network, explains both, writes report.html and every
    record. Without --board this machine stands in for one, over real SSH; without --cloud the
    original is served here and networks are emulated. Without MODEL all of it comes from
    edgekit.toml (edgekit init).

    A chain that was broken off goes on where it was, when the same command is given again.

    \b
    Examples:
      edgekit go model.pt2 --profile raspberrypi --calibration photos/ --pipeline imagenet
      edgekit go
      edgekit go model.onnx --profile raspberrypi-5 --board kitchen-pi --cloud grpc://10.0.0.5:8081
    """
    from edgekit.boards.opening import find_board
    from edgekit.cli.going import GoSettings, go
    from edgekit.cli.run_length import length_of_go
    from edgekit.cloud.endpoint import parse_endpoint
    from edgekit.measure.gates import parse_condition, require_kept
    from edgekit.networks.catalog import load_network
    from edgekit.report.text import render

    conditions = tuple(parse_condition(text) for text in budgets)
    request, _ = convert_request(options, Path())
    project = read_project(Path()) if options.model is None else None
    if project is not None:
        board = board or project.target.board
        cloud = cloud or project.target.cloud
        networks = networks or project.target.networks
    board = board or "local"
    find_board(board, inventory=inventory, profile=request.profile)
    length = length_of_go(given)
    is_local = cloud in ("", "local")
    if not is_local:
        parse_endpoint(cloud)
    names = networks or (NETWORKS if is_local else ())
    settings = GoSettings(
        out=Path(str(given["out"])),
        board=board,
        cloud="" if is_local else cloud,
        networks=tuple(load_network(name) for name in names),
        payload=str(given["payload"] or ""),
        access=cloud_access(given),
        run=replace(
            length,
            threads=int(str(given["threads"])),
            pipeline=own_pipeline(options, Path()),
        ),
        inventory=inventory,
        budgets=conditions,
        is_restarted=restart,
    )
    report = go(request, settings, output)
    output.data(report, render(report))
    output.note(f"report: {settings.out / 'report.html'}   records: {settings.out / 'records'}")
    if settings.board == "local":
        output.next_step("edgekit boards add NAME --host ADDRESS --profile " + request.profile)
    require_kept(report.gates)
