"""Compare a board's latency with a cloud endpoint's."""

from __future__ import annotations

import dataclasses
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
from edgekit.cli.output import Output, output_options

if TYPE_CHECKING:
    from edgekit.cli.in_rounds import BothSides
    from edgekit.core.comparison import Comparison
    from edgekit.core.measurement import Measurement
    from edgekit.core.network import CloudTrip
    from edgekit.measure.costs import Prices
    from edgekit.measure.trips import TripRequest


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.argument("original", required=False, type=click.Path(path_type=Path))
@click.option("--board", default="", help="Measure the artifact there first: name, or local.")
@click.option(
    "--cloud", required=True, help="Endpoint: grpc(s)://host:port or http(s)://host:port (OIP v2)."
)
@click.option(
    "--rounds",
    default=5,
    show_default=True,
    type=click.IntRange(1, 100),
    help="With --board: measure edge and cloud in turn, so often.",
)
@click.option("--from-board", is_flag=True, help="The board itself asks, over its own network.")
@click.option(
    "--network", "networks", multiple=True, help="Emulate this one, or several: fiber,4g."
)
@click.option("--model-name", default="", help="Name of the model at the endpoint.")
@cloud_options
@click.option("--cloud-runs", default=100, show_default=True, type=click.IntRange(6, 100_000))
@click.option("--cloud-seconds", default=10.0, show_default=True, help="At most, per network.")
@click.option("--deadline", type=float, help="Milliseconds after which an answer is of no use.")
@click.option("--fail-if", "conditions", multiple=True, help="Exit 7 when it holds: edge.p95>20ms")
@click.option(
    "--verify-break-even", is_flag=True, help="Measure at the break-even round trip, too."
)
@click.option(
    "--edge-watts", type=float, help="Power of the board while it computes; default: its sensor's."
)
@click.option("--per-kwh", type=float, help="Price of a kilowatt-hour.")
@click.option("--cloud-per-hour", type=float, help="Price of the machine behind the endpoint.")
@click.option("--cloud-per-request", type=float, help="Or the price of a request.")
@click.option("--currency", default="USD", show_default=True)
@inventory_option
@records_option
@output_options
def command(
    target: Path,
    original: Path | None,
    board: str,
    cloud: str,
    networks: tuple[str, ...],
    records: Path,
    output: Output,
    **given: object,
) -> None:
    """Compare a board with a cloud endpoint.

    TARGET is a record of `edgekit run`, or an artifact that --board measures first. ORIGINAL is
    the artifact whose recorded inputs are sent: what the endpoint's model takes; with an artifact
    as TARGET it can be left out when both take the same. Without --network the requests go over
    the network that is really there.

    \b
    Examples:
      edgekit compare records/run-1a2b3c4d.json original --cloud grpc://10.0.0.5:8081
      edgekit compare artifact original --board kitchen-pi --cloud http://10.0.0.5:8080
      edgekit compare artifact --board kitchen-pi --cloud grpc://127.0.0.1:8081 \\
          --network fiber,4g --fail-if 'edge.p95>20ms' --fail-if 'ratio.p50<1.5'
    """
    from edgekit.boards.deploy import load_card
    from edgekit.cloud.endpoint import parse_endpoint
    from edgekit.core.errors import ConfigError
    from edgekit.core.record import save
    from edgekit.measure.compare import CompareOptions, compare
    from edgekit.measure.gates import parse_condition, require
    from edgekit.measure.trips import TripRequest
    from edgekit.profiles.device import load_profile
    from edgekit.report.input import ReportInput
    from edgekit.report.text import render

    parse_endpoint(cloud)
    given_conditions = given["conditions"]
    assert isinstance(given_conditions, tuple)
    conditions = [parse_condition(text) for text in given_conditions]
    chosen = chosen_networks(networks)
    sent = _sent_folder(target, original, board)
    if given["from_board"] and not board:
        raise ConfigError("--from-board needs a board", hint="--board NAME")
    card = load_card(sent)
    request = TripRequest(
        endpoint=cloud,
        folder=sent,
        artifact=card,
        networks=chosen,
        model_name=str(given["model_name"]),
        payload=str(given["payload"] or ""),
        access=cloud_access(given),
        runs=int(str(given["cloud_runs"])),
        max_duration_s=float(str(given["cloud_seconds"])),
    )
    sides = _both_sides(target, board, request, given, output)
    measured = sides.measurement
    path = target if not target.is_dir() else save(measured, records / f"{measured.id}.json")
    paths = [save(trip, records / f"{trip.id}.json") for trip in sides.trips]
    deadline = given["deadline"]
    options = CompareOptions(
        deadline_ms=float(str(deadline)) if deadline is not None else None,
        prices=_prices(given),
        edge_card=load_card(target) if target.is_dir() else None,
        cloud_card=card,
        supply_w=load_profile(measured.profile).power.supply_w,
        rounds=sides.rounds,
    )
    result = compare(measured, sides.trips, options)
    if given["verify_break_even"]:
        result = _verified(result, measured, request, output)
    saved = save(result, records / f"comparison-{measured.id}-{sides.trips[0].id}.json")
    report = ReportInput(f"{measured.model['name']}: edge or cloud", comparison=result)
    output.data(result, render(report))
    output.note(f"record: {saved}")
    require(conditions, result)
    shown = " ".join(f"--trip {p}" for p in paths)
    output.next_step(f"edgekit explain {path} {shown}")


def _sent_folder(target: Path, original: Path | None, board: str) -> Path:
    """The artifact whose inputs go to the endpoint."""
    from edgekit.core.errors import ConfigError

    if target.is_dir() and not board:
        raise ConfigError(
            f"{target} is an artifact: on which board does it run?", hint="--board NAME"
        )
    if original is not None:
        return original
    if target.is_dir():
        return target
    raise ConfigError(
        "which inputs are to be sent?",
        hint=f"edgekit compare {target} ARTIFACT --cloud …: the folder that the endpoint serves",
    )


def _both_sides(
    target: Path,
    board: str,
    request: TripRequest,
    given: dict[str, object],
    output: Output,
) -> BothSides:
    """The board and the endpoint in turn; with a record as the target the endpoint alone."""
    from edgekit.cli.in_rounds import BothSides, InRounds, measure_in_rounds
    from edgekit.core.measurement import Measurement
    from edgekit.core.record import load
    from edgekit.measure.trips import measure_trips

    if not target.is_dir():
        measured = load(Measurement, target)
        if given["from_board"]:
            trips = _trips_from_board(board, request, given, output)
        else:
            trips = measure_trips(request, progress=output.note)
        return BothSides(measured, trips, {})
    inventory = given["inventory"]
    wanted = InRounds(
        target,
        board,
        request,
        int(str(given["rounds"])),
        from_board=bool(given["from_board"]),
        inventory=Path(str(inventory)) if inventory else None,
    )
    return measure_in_rounds(wanted, output)


def _trips_from_board(
    board: str, request: TripRequest, given: dict[str, object], output: Output
) -> tuple[CloudTrip, ...]:
    from edgekit.boards.opening import open_board
    from edgekit.boards.session import ensure_runner
    from edgekit.measure.board_trips import measure_from_board

    inventory = Path(str(given["inventory"])) if given["inventory"] else None
    with open_board(
        board, profile=request.artifact.profile, inventory=inventory, progress=output.note
    ) as opened:
        session = ensure_runner(opened.transport)
        return (measure_from_board(session, request, progress=output.note),)


def _verified(
    result: Comparison, measured: Measurement, request: TripRequest, output: Output
) -> Comparison:
    """The comparison with the ratio that was measured at each break-even round trip."""
    from edgekit.measure.compare import compare
    from edgekit.measure.trips import measure_trips

    found = []
    for item in result.networks:
        rtt_ms = item.break_even.rtt_ms
        if item.network is None or not isinstance(rtt_ms, float) or rtt_ms <= 0:
            found.append(item)
            continue
        network = dataclasses.replace(item.network, id=f"{item.network.id}-even", rtt_ms=rtt_ms)
        output.note(f"at the break-even of {item.network.id}: a round trip of {rtt_ms:.3g} ms")
        there = dataclasses.replace(request, networks=(network,))
        ratio = compare(measured, measure_trips(there, progress=output.note)).networks[0].p50.ratio
        even = dataclasses.replace(item.break_even, ratio_at_rtt=ratio)
        found.append(dataclasses.replace(item, break_even=even))
    return dataclasses.replace(result, networks=tuple(found))


def _prices(given: dict[str, object]) -> Prices:
    from edgekit.measure.costs import Prices

    names = ("edge_watts", "per_kwh", "cloud_per_hour", "cloud_per_request")
    values = {
        name: float(str(value)) if (value := given[name]) is not None else None for name in names
    }
    return Prices(currency=str(given["currency"]), **values)
