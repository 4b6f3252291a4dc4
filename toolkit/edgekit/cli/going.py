"""The chain behind ``edgekit go``: every stage saves its record before the next begins."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.chain import BoardRun, RunSettings, deploy_and_run
from edgekit.cli.output import Output
from edgekit.core.errors import StepFailed, UnsupportedModel
from edgekit.core.record import save, write_atomically

if TYPE_CHECKING:
    from edgekit.cloud.endpoint import CloudAccess
    from edgekit.convert.request import ConvertRequest
    from edgekit.core.artifact import ModelArtifact
    from edgekit.core.network import CloudTrip, NetworkProfile
    from edgekit.report.input import ReportInput

SERVER_PROFILE = "generic-x86-64"
SERVER_ENGINES = ("onnxruntime", "litert")
"""What the local endpoint serves the original with, in order."""


@dataclass(frozen=True)
class GoSettings:
    """Everything but the conversion."""

    out: Path
    board: str
    cloud: str
    """Endpoint; empty serves the original on this machine."""
    networks: tuple[NetworkProfile, ...]
    payload: str = ""
    access: CloudAccess | None = None
    run: RunSettings = field(default_factory=RunSettings)
    cloud_runs: int = 100
    cloud_seconds: float = 8.0
    """At most, per network."""
    inventory: Path | None = None


def go(request: ConvertRequest, settings: GoSettings, output: Output) -> ReportInput:
    """Runs the chain; the report that comes out has been written already."""
    from edgekit.convert.converting import convert
    from edgekit.explain.evidence import Records
    from edgekit.explain.explaining import explain
    from edgekit.measure.compare import CompareOptions, compare
    from edgekit.profiles.device import load_profile
    from edgekit.report.html import render
    from edgekit.report.input import ReportInput

    records = settings.out / "records"
    output.note(f"1/6 convert for {request.profile}")
    artifact_folder = settings.out / "artifact"
    convert(request, artifact_folder, progress=output.note)
    output.note("2/6 the original, for the cloud side")
    original_folder = settings.out / "original"
    original = _convert_original(request, original_folder, output)
    output.note("3/6 deploy and run on the board")
    run = _run(artifact_folder, settings, output)
    assert run.deployed.deployment
    save(run.deployed.deployment, records / "deployment.json")
    save(run.deployed.facts, records / "board-facts.json")
    save(run.measurement, records / "measurement.json")
    output.note("4/6 the same requests to the cloud")
    trips = _trips(original_folder, original, settings, output)
    for trip in trips:
        name = trip.network.id if trip.network else "direct"
        save(trip, records / f"trip-{name}.json")
    output.note("5/6 compare and explain")
    cards = CompareOptions(edge_card=run.artifact, cloud_card=original)
    comparison = compare(run.measurement, trips, cards)
    save(comparison, records / "comparison.json")
    profile = load_profile(request.profile)
    known = Records(trips, run.artifact, profile, run.deployed.facts, folder=str(artifact_folder))
    lag = explain(run.measurement, known)
    save(lag, records / "lag-report.json")
    output.note("6/6 report")
    report = ReportInput(
        title=f"{run.artifact.name} on {_board_name(run)}",
        artifact=run.artifact,
        deployment=run.deployed.deployment,
        measurement=run.measurement,
        trips=trips,
        comparison=comparison,
        lag=lag,
    )
    save(report, records / "report.json")
    write_atomically(settings.out / "report.html", render(report))
    return report


def _convert_original(request: ConvertRequest, folder: Path, output: Output) -> ModelArtifact:
    from edgekit.convert.converting import convert

    for engine in SERVER_ENGINES:
        wanted = replace(
            request,
            profile=SERVER_PROFILE,
            recipe="float",
            engine=engine,
            max_drop_points=None,
            min_agreement=None,
        )
        try:
            return convert(wanted, folder, progress=output.note)
        except (UnsupportedModel, StepFailed) as err:
            if engine == SERVER_ENGINES[-1]:
                raise
            output.note(f"{engine} was passed over: {err.message}")
    raise AssertionError("unreachable")


def _run(artifact: Path, settings: GoSettings, output: Output) -> BoardRun:
    return deploy_and_run(
        artifact, settings.board, "", settings.run, inventory=settings.inventory, output=output
    )


def _trips(
    folder: Path, original: ModelArtifact, settings: GoSettings, output: Output
) -> tuple[CloudTrip, ...]:
    from edgekit.cloud.endpoint import CloudAccess
    from edgekit.cloud.server import CloudServer
    from edgekit.measure.trips import TripRequest, measure_trips

    with ExitStack() as stack:
        endpoint = settings.cloud
        if not endpoint:
            server = stack.enter_context(CloudServer(folder, progress=output.note))
            endpoint = server.endpoint
        request = TripRequest(
            endpoint=endpoint,
            folder=folder,
            artifact=original,
            networks=settings.networks,
            payload=settings.payload,
            access=settings.access or CloudAccess(),
            runs=settings.cloud_runs,
            max_duration_s=settings.cloud_seconds,
        )
        return measure_trips(request, progress=output.note)


def _board_name(run: BoardRun) -> str:
    if run.entry.stand_in:
        return f"this machine, standing in for a {run.measurement.profile}"
    return run.entry.name
