"""Say where to cut a model between a board and an endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.options import (
    chosen_networks,
    cloud_access,
    cloud_options,
    inventory_option,
    records_option,
)
from edgekit.cli.output import Output, output_options, table

if TYPE_CHECKING:
    from edgekit.core.operations import OperationProfile
    from edgekit.core.split import NetworkSplit, SplitAdvice, SplitPoint


@click.command()
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--board", required=True, help="Where the first part would run: name, or local.")
@click.option("--cloud", required=True, help="Endpoint that serves the whole model now.")
@click.option(
    "--network",
    "networks",
    multiple=True,
    required=True,
    help="Over this one, or several: fiber,4g.",
)
@click.option("--model-name", default="", help="Name of the model at the endpoint.")
@click.option(
    "--edge-ops", type=click.Path(path_type=Path), help="Record of edgekit run --profile-ops."
)
@click.option(
    "--cloud-ops",
    type=click.Path(path_type=Path),
    help="The same, of the endpoint's machine; default: the board's shares, scaled.",
)
@click.option("--verify-split", is_flag=True, help="Cut the model there and measure both halves.")
@cloud_options
@click.option("--cloud-runs", default=60, show_default=True, type=click.IntRange(6, 100_000))
@click.option("--cloud-seconds", default=10.0, show_default=True, help="At most, per network.")
@inventory_option
@records_option
@output_options
def command(
    artifact: Path,
    board: str,
    cloud: str,
    networks: tuple[str, ...],
    records: Path,
    output: Output,
    **given: object,
) -> None:
    """Say where to cut a model: the first operations on the board, the rest at an endpoint.

    Every place at which one tensor crosses is a candidate. What each would take is predicted from
    the times per operation on the board, the size of the tensor, and one measured series of
    requests with the whole model. ARTIFACT is an ONNX artifact that runs on the board and that the
    endpoint serves as well; its input travels as a tensor.

    \b
    Examples:
      edgekit split original --board kitchen-pi --cloud grpc://10.0.0.5:8081 --network lte
      edgekit split original --board local --cloud grpc://127.0.0.1:8081 --network fiber,4g \\
          --verify-split
    """
    from edgekit.boards.deploy import load_card
    from edgekit.cli.splitting import SplitRequest, advise
    from edgekit.core.errors import ConfigError
    from edgekit.core.record import save
    from edgekit.measure.trips import TripRequest

    card = load_card(artifact)
    if given["payload"] not in (None, "tensor"):
        raise ConfigError("what lies behind a cut travels as a tensor", hint="--payload tensor")
    trip = TripRequest(
        endpoint=cloud,
        folder=artifact,
        artifact=card,
        networks=chosen_networks(networks),
        model_name=str(given["model_name"]),
        payload="tensor",
        access=cloud_access(given),
        runs=int(str(given["cloud_runs"])),
        max_duration_s=float(str(given["cloud_seconds"])),
    )
    inventory = given["inventory"]
    found = advise(
        SplitRequest(
            folder=artifact,
            artifact=card,
            board=board,
            trip=trip,
            edge_profile=_profile(given["edge_ops"]),
            cloud_profile=_profile(given["cloud_ops"]),
            is_verified=bool(given["verify_split"]),
            inventory=Path(str(inventory)) if inventory else None,
        ),
        output,
    )
    for one in found.trips:
        save(one, records / f"{one.id}.json")
    path = save(found.advice, records / f"split-{found.trips[0].id}.json")
    output.data(found.advice, _text(found.advice))
    output.note(f"record: {path}")
    if not given["verify_split"]:
        output.next_step("the same with --verify-split cuts the model and measures it")


def _profile(path: object) -> OperationProfile | None:
    from edgekit.core.operations import OperationProfile
    from edgekit.core.record import load

    return load(OperationProfile, Path(str(path))) if path else None


HEADERS = ("network", "cut", "sent", "edge", "transfer", "cloud", "total [predicted]", "measured")


def _text(advice: SplitAdvice) -> str:
    rows = [row for item in advice.networks for row in _rows(item)]
    notes = [
        f"whole on {advice.board}: {advice.edge_ms:.3g} ms; at the endpoint {advice.cloud_ms:.3g} ms",
        f"the endpoint's times per operation: {advice.cloud_shares}",
        f"{advice.matched_share:.0%} of the board's time was found in the model file",
    ]
    notes += [line for item in advice.networks for line in _verdict(item)]
    return "\n".join((table(HEADERS, rows), *(f"* {note}" for note in notes)))


def _rows(item: NetworkSplit) -> list[tuple[str, ...]]:
    from edgekit.core.record import Unavailable
    from edgekit.core.split import SplitCheck, SplitPoint

    chosen = [item.points[0], item.points[-1]]
    if isinstance(item.best_cut, SplitPoint):
        chosen.insert(1, item.best_cut)
    name = item.network.id if item.network else "direct"
    rows = []
    for point in chosen:
        checked = item.checked if point == item.best_cut else Unavailable("")
        measured = f"{checked.total_ms:.3g} ms" if isinstance(checked, SplitCheck) else "-"
        rows.append((name, *_cells(point), measured))
    return rows


def _cells(point: SplitPoint) -> tuple[str, ...]:
    from edgekit.core.units import format_bytes, format_ms

    where = "none: all on the board" if point.is_edge else f"at {point.tensor}"
    if point.tensor == "input" and not point.shape:
        where = "none: all at the endpoint"
    return (
        where,
        format_bytes(point.up_bytes) if point.up_bytes else "-",
        format_ms(point.edge_ms),
        format_ms(point.transfer_ms),
        format_ms(point.cloud_ms),
        format_ms(point.total_ms),
    )


def _verdict(item: NetworkSplit) -> list[str]:
    from edgekit.core.split import SplitCheck
    from edgekit.core.units import format_ms

    name = item.network.id if item.network else "direct"
    best = item.best
    where = f"cut at {best.tensor}"
    if best.is_edge:
        where = "leave all on the board"
    elif not best.shape:
        where = "leave all at the endpoint"
    lines = [f"{name}: {where} ({format_ms(best.total_ms)} predicted)"]
    if isinstance(item.checked, SplitCheck):
        check = item.checked
        lines.append(
            f"{name}, really cut: {format_ms(check.edge_ms)} + {format_ms(check.trip_ms)}, the "
            f"prediction is {check.error_share:+.0%} off; outputs differ by up to "
            f"{check.largest_deviation:.2g}"
        )
    return lines
