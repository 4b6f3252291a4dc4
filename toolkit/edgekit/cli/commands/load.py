"""Put an endpoint under load."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.options import cloud_access, cloud_options, records_option
from edgekit.cli.output import Output, output_options, table

if TYPE_CHECKING:
    from edgekit.core.artifact import ModelArtifact


@click.command()
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option(
    "--cloud", required=True, help="Endpoint: grpc(s)://host:port or http(s)://host:port."
)
@click.option("--rate", "rates", default="", help="Requests per second; several: 10,20,40.")
@click.option("--concurrency", "concurrencies", default="", help="Or so many at any time: 1,4,16.")
@click.option(
    "--arrivals",
    type=click.Choice(["poisson", "constant"]),
    default="poisson",
    show_default=True,
    help="poisson: as many independent people ask.",
)
@click.option("--seconds", default=5.0, show_default=True, help="Per point.")
@click.option("--connections", default=32, show_default=True, type=click.IntRange(1, 512))
@click.option("--network", default="", help="Emulate this one: edgekit net list.")
@click.option("--model-name", default="", help="Name of the model at the endpoint.")
@click.option("--every-payload", is_flag=True, help="Each form that the inputs can travel in.")
@cloud_options
@records_option
@output_options
def command(
    artifact: Path, cloud: str, network: str, records: Path, output: Output, **given: object
) -> None:
    """Ask an endpoint at given rates, and find the one beyond which latency runs away.

    At a rate the latency of a request counts from the moment at which it was due, so a slow
    endpoint cannot hide the requests that could not be sent. ARTIFACT is the folder whose inputs
    are sent.

    \b
    Examples:
      edgekit load original --cloud grpc://127.0.0.1:8081 --rate 10,20,40,80,160
      edgekit load original --cloud http://127.0.0.1:8080 --concurrency 1,4,16 --payload tensor
      edgekit load original --cloud grpc://models.example.com:8081 --rate 50 --seconds 60
    """
    from edgekit.boards.deploy import load_card
    from edgekit.core.errors import ConfigError
    from edgekit.core.record import save
    from edgekit.measure.load import LoadPlan, sweep
    from edgekit.measure.trips import TripRequest
    from edgekit.networks.catalog import load_network
    from edgekit.report.loads import HEADERS, knees, load_row

    card = load_card(artifact)
    request = TripRequest(
        endpoint=cloud,
        folder=artifact,
        artifact=card,
        networks=(load_network(network),) if network else (),
        model_name=str(given["model_name"]),
        access=cloud_access(given),
    )
    rates = _numbers(str(given["rates"]), "--rate")
    concurrencies = _numbers(str(given["concurrencies"]), "--concurrency")
    if not rates and not concurrencies:
        raise ConfigError("a load needs a rate", hint="--rate 10,20,40  or  --concurrency 1,4")
    plan = LoadPlan(
        payloads=_payloads(card, cloud, given),
        rates_per_s=rates,
        concurrencies=tuple(int(number) for number in concurrencies),
        arrivals=str(given["arrivals"]),
        seconds=float(str(given["seconds"])),
        connections=int(str(given["connections"])),
    )
    result, trips = sweep(request, plan, progress=output.note)
    for trip in trips:
        save(trip, records / f"{trip.id}.json")
    path = save(result, records / f"{result.id}.json")
    rows = [load_row(point) for point in result.points]
    output.data(result, "\n".join((table(HEADERS, rows), *knees(result))))
    output.note(f"record: {path}")


def _payloads(card: ModelArtifact, cloud: str, given: dict[str, object]) -> tuple[str, ...]:
    from edgekit.cloud.endpoint import parse_endpoint
    from edgekit.measure.trips import default_payload

    if not given["every_payload"]:
        return (str(given["payload"] or default_payload(card)),)
    forms = ("jpeg", "picture", "tensor") if card.pipeline.kind == "image" else ("tensor",)
    return (*forms, "json") if parse_endpoint(cloud).protocol == "rest" else forms


def _numbers(text: str, option: str) -> tuple[float, ...]:
    from edgekit.core.errors import ConfigError

    try:
        found = tuple(float(part.removesuffix("/s")) for part in text.split(",") if part.strip())
    except ValueError as err:
        raise ConfigError(f"{option} {text!r}: expected numbers", hint=f"{option} 10,20") from err
    if any(not 0 < number <= 1e6 for number in found):
        raise ConfigError(f"{option} {text!r}: expected numbers above 0, up to a million")
    return found
