"""Put a converted model on a board over SSH."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.fleet_options import FleetOptions, fleet_options
from edgekit.cli.options import (
    inventory_option,
    key_option,
    records_option,
    service_options,
    unsigned_option,
)
from edgekit.cli.output import Output, output_options
from edgekit.cli.quantities import Duration
from edgekit.core.board import BoardEntry
from edgekit.core.errors import UsageFault
from edgekit.core.units import format_bytes, format_ms

if TYPE_CHECKING:
    from edgekit.boards.deploy import Deployed
    from edgekit.boards.services import ServiceRequest

NO_BOARD = BoardEntry("", "")
"""Of a request that is made for many boards."""


@click.command()
@click.argument("artifact", type=click.Path(path_type=Path), metavar="ARTIFACT|BUNDLE")
@click.option("--board", default="", help="Board name, user@host[:port], or local.")
@click.option("--app", default="", help="Name on the board; default: the artifact's name.")
@click.option("--dry-run", is_flag=True, help="Show the plan; change nothing.")
@click.option(
    "--max-p95",
    "max_p95_ms",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MS",
    help="Activate it only when its 95th percentile on the board is at most this.",
)
@click.option(
    "--wait",
    type=Duration(),
    default=0.0,
    help="So long while someone else deploys to the board: 60s, 5min. Default: do not wait.",
)
@service_options
@key_option
@unsigned_option
@inventory_option
@records_option
@fleet_options
@output_options
def command(
    artifact: Path,
    board: str,
    app: str,
    dry_run: bool,
    max_p95_ms: float | None,
    wait: float,
    key: Path | None,
    unsigned: bool,
    service: ServiceRequest | None,
    inventory: Path | None,
    records: Path,
    fleet: FleetOptions | None,
    output: Output,
) -> None:
    """Put an artifact on a board: send what is missing, verify it there, switch atomically.

    The board needs Python 3.8 and SSH, no internet and no root. It verifies the signature, every
    hash and the golden outputs before the release becomes active; a failure in between leaves the
    old one active. Running it again does nothing.

    \b
    Examples:
      edgekit deploy artifact --board kitchen-pi --dry-run
      edgekit deploy artifact --board kitchen-pi --max-p95 25
      edgekit deploy doorbell.edgekit --board pi@192.168.1.20
      edgekit deploy artifact --fleet lab.toml --tag kitchen --canary 1 --wave 10% --max-fail 2%
    """
    from edgekit.boards.bundle_file import card_of
    from edgekit.boards.deploy import DeployRequest, deploy
    from edgekit.boards.opening import open_board
    from edgekit.core.record import save

    request = DeployRequest(
        folder=artifact,
        entry=NO_BOARD,
        app=app,
        dry_run=dry_run,
        is_unsigned=unsigned,
        key=key,
        service=service,
        max_p95_ms=max_p95_ms,
        wait_s=wait,
    )
    if fleet is not None:
        if board:
            raise UsageFault("--board and --fleet exclude each other")
        from edgekit.cli.fleet import deploy_fleet

        deploy_fleet(request, fleet, records, output)
        return
    if not board:
        raise UsageFault("no board was given", hint="--board NAME, or --fleet FILE")
    card = card_of(artifact)
    with open_board(
        board, profile=card.profile, inventory=inventory, progress=output.note
    ) as opened:
        request = replace(request, entry=opened.entry)
        done = deploy(request, opened.transport, progress=output.note)
    if done.deployment is None:
        output.data(done.plan, describe_plan(done))
        output.next_step(f"edgekit deploy {artifact} --board {board}")
        return
    path = save(done.deployment, records / f"deployment-{done.deployment.release}.json")
    output.data(done.deployment, describe_deployment(done))
    output.note(f"record: {path}")
    output.next_step(f"edgekit run {artifact} --board {board}")


def describe_plan(done: Deployed) -> str:
    """The plan, a line per step."""
    plan = done.plan
    if not plan.steps:
        return f"nothing to do: {plan.app} {plan.release} is active on {plan.board}"
    lines = [f"{plan.board}: {plan.app} {plan.current or '(nothing)'} -> {plan.release}"]
    for step in plan.steps:
        size = f"  {format_bytes(step.size_bytes)}" if step.size_bytes else ""
        lines.append(f"  {step.action:<8} {step.what}{size}")
    lines.append(f"  {format_bytes(plan.upload_bytes)} would be sent")
    return "\n".join(lines)


def describe_deployment(done: Deployed) -> str:
    """What happened, in two lines."""
    deployment = done.deployment
    assert deployment
    took = ", ".join(f"{k} {format_ms(v)}" for k, v in deployment.phases_ms.items())
    latency = "" if deployment.p95_ms is None else f", p95 {format_ms(deployment.p95_ms)}"
    if not deployment.changed:
        return (
            f"nothing to do: {deployment.app} {deployment.release} is active on "
            f"{deployment.board}{latency}  ({took})"
        )
    golden = deployment.golden_max_deviation
    checked = "" if golden is None else f", golden outputs within {golden:.2g}"
    if deployment.service_port:
        latency += f", served on port {deployment.service_port} there"
    signed = f"signed by {deployment.signed_by}" if deployment.signed_by else "unsigned"
    return (
        f"{deployment.board}: {deployment.app} {deployment.release} is active "
        f"({format_bytes(deployment.sent_bytes)} sent{checked}{latency})\n"
        f"  {deployment.engine} {deployment.engine_version}; {signed}; {took}"
    )
