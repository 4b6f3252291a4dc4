"""Compare a board's latency with a cloud endpoint's."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.options import cloud_access, cloud_options, records_option
from edgekit.cli.output import Output, output_options


@click.command()
@click.argument("measurement", type=click.Path(path_type=Path))
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option(
    "--cloud", required=True, help="Endpoint: grpc(s)://host:port or http(s)://host:port (OIP v2)."
)
@click.option("--network", "networks", multiple=True, help="Emulate this one: edgekit net list.")
@click.option("--model-name", default="", help="Name of the model at the endpoint.")
@cloud_options
@click.option("--cloud-runs", default=100, show_default=True, type=click.IntRange(6, 100_000))
@click.option("--cloud-seconds", default=10.0, show_default=True, help="At most, per network.")
@records_option
@output_options
def command(
    measurement: Path,
    artifact: Path,
    cloud: str,
    networks: tuple[str, ...],
    records: Path,
    output: Output,
    **given: object,
) -> None:
    """Compare a MEASUREMENT record with requests to a cloud endpoint.

    ARTIFACT is the folder whose inputs are sent: what the endpoint's model takes. Without
    --network the requests go over the network that is really there.

    \b
    Examples:
      edgekit compare records/run-1a2b3c4d.json original --cloud grpc://10.0.0.5:8081
      edgekit compare records/run-1a2b3c4d.json original --cloud grpc://127.0.0.1:8081 \\
          --network fiber --network 4g
    """
    from edgekit.boards.deploy import load_card
    from edgekit.core.measurement import Measurement
    from edgekit.core.record import load, save
    from edgekit.measure.compare import compare
    from edgekit.measure.trips import TripRequest, measure_trips
    from edgekit.networks.catalog import load_network
    from edgekit.report.input import ReportInput
    from edgekit.report.text import render

    measured = load(Measurement, measurement)
    request = TripRequest(
        endpoint=cloud,
        folder=artifact,
        artifact=load_card(artifact),
        networks=tuple(load_network(name) for name in networks),
        model_name=str(given["model_name"]),
        payload=str(given["payload"] or ""),
        access=cloud_access(given),
        runs=int(str(given["cloud_runs"])),
        max_duration_s=float(str(given["cloud_seconds"])),
    )
    trips = measure_trips(request, progress=output.note)
    paths = [save(trip, records / f"{trip.id}.json") for trip in trips]
    result = compare(measured, trips)
    path = save(result, records / f"comparison-{measured.id}.json")
    report = ReportInput(f"{measured.model['name']}: edge or cloud", comparison=result)
    output.data(result, render(report))
    output.note(f"record: {path}")
    shown = " ".join(f"--trip {p}" for p in paths)
    output.next_step(f"edgekit explain {measurement} {shown}")
