"""The chain behind ``edgekit go``: every stage saves its record before the next begins."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.chain import BoardRun, RunSettings, deploy_and_run
from edgekit.cli.output import Output
from edgekit.cli.stages import Stages, key_of
from edgekit.core.board import BoardFacts
from edgekit.core.deploy import Deployment
from edgekit.core.errors import StepFailed, UnsupportedModel
from edgekit.core.measurement import Measurement
from edgekit.core.network import CloudTrip
from edgekit.core.record import load, save, write_atomically

if TYPE_CHECKING:
    from edgekit.cloud.endpoint import CloudAccess
    from edgekit.convert.request import ConvertRequest
    from edgekit.core.artifact import ModelArtifact
    from edgekit.core.network import NetworkProfile
    from edgekit.measure.gates import Condition
    from edgekit.report.input import ReportInput

SERVER_PROFILE = "generic-x86-64"
SERVER_ENGINES = ("onnxruntime", "litert")
"""What the local endpoint serves the original with, in order."""
STAGES = 6


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
    budgets: tuple[Condition, ...] = ()
    """What must not hold of the comparison; the report shows how each came out."""
    is_restarted: bool = False
    """Does again what an unfinished run has done."""


def go(request: ConvertRequest, settings: GoSettings, output: Output) -> ReportInput:
    """Runs the chain; the report that comes out has been written already.

    What an earlier run of the same chain measured before it was broken off is kept.
    """
    from edgekit.explain.evidence import Records
    from edgekit.explain.explaining import explain
    from edgekit.measure.compare import CompareOptions, compare
    from edgekit.measure.gates import judge
    from edgekit.profiles.device import load_profile
    from edgekit.report.html import render
    from edgekit.report.input import ReportInput

    records = settings.out / "records"
    stages = _stages(request, settings, output)
    with stages.stage(f"convert for {request.profile}"):
        edge = _converted(request, settings.out / "artifact", output)
    with stages.stage("the original, for the cloud side"):
        original = _convert_original(request, settings.out / "original", output)
    with stages.stage("deploy and run on the board"):
        run = _measured(edge, settings, stages, output)
    with stages.stage("the same requests to the cloud"):
        trips = _trips(settings.out / "original", original, settings, stages, output)
    with stages.stage("compare and explain"):
        cards = CompareOptions(edge_card=edge, cloud_card=original)
        comparison = compare(run.measurement, trips, cards)
        save(comparison, records / "comparison.json")
        profile = load_profile(request.profile)
        folder = str(settings.out / "artifact")
        lag = explain(run.measurement, Records(trips, edge, profile, run.facts, folder=folder))
        save(lag, records / "lag-report.json")
    with stages.stage("report"):
        report = ReportInput(
            title=f"{edge.name} on {_board_name(run.measurement)}",
            artifact=edge,
            deployment=run.deployment,
            measurement=run.measurement,
            trips=trips,
            comparison=comparison,
            lag=lag,
            facts=run.facts,
            gates=judge(settings.budgets, comparison),
        )
        save(report, records / "report.json")
        write_atomically(settings.out / "report.html", render(report))
    stages.finish()
    return report


@dataclass(frozen=True)
class OnBoard:
    """What the board's stage leaves."""

    deployment: Deployment
    facts: BoardFacts
    measurement: Measurement


def _stages(request: ConvertRequest, settings: GoSettings, output: Output) -> Stages:
    decisive = (request, replace(settings, out=Path(), budgets=(), is_restarted=False))
    files = (request.model, request.calibration, request.data, request.weights)
    stages = Stages(settings.out, key_of(decisive, files), STAGES, output)
    if settings.is_restarted:
        stages.forget()
    return stages


def _converted(request: ConvertRequest, folder: Path, output: Output) -> ModelArtifact:
    """The artifact; one that was made before comes from the cache."""
    from edgekit.convert.converting import convert

    return convert(request, folder, progress=output.note)


def _measured(
    edge: ModelArtifact, settings: GoSettings, stages: Stages, output: Output
) -> OnBoard:
    """The run on the board, and the records of it."""
    records = settings.out / "records"
    paths = [
        records / name for name in ("deployment.json", "board-facts.json", "measurement.json")
    ]
    if stages.has("run"):
        kept = OnBoard(
            load(Deployment, paths[0]), load(BoardFacts, paths[1]), load(Measurement, paths[2])
        )
        main = next(entry.sha256 for entry in edge.files if entry.path == edge.model)
        if kept.measurement.model.get("sha256") == main:
            return kept
        output.note("  the artifact is another one: it is measured again")
    run = _run(settings.out / "artifact", settings, output)
    assert run.deployed.deployment
    found = OnBoard(run.deployed.deployment, run.deployed.facts, run.measurement)
    for record, path in zip(
        (found.deployment, found.facts, found.measurement), paths, strict=True
    ):
        save(record, path)
    stages.end("run")
    return found


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
    """The last launch of as many as the policy wants; all of them have records."""
    from edgekit.measure.policies import find_policy
    from edgekit.measure.sweep import Matrix

    launches = find_policy(settings.run.policy).launches if settings.run.policy else 1
    records = settings.out / "records"
    done = deploy_and_run(
        artifact,
        settings.board,
        "",
        settings.run,
        inventory=settings.inventory,
        output=output,
        matrix=Matrix(launches=launches),
        records=records,
    )
    if done.run_set is not None:
        save(done.run_set, records / "run-set.json")
    return done


def _trips(
    folder: Path, original: ModelArtifact, settings: GoSettings, stages: Stages, output: Output
) -> tuple[CloudTrip, ...]:
    """One trip per network, saved as soon as it is there; the endpoint is up while one is missing."""
    from edgekit.cloud.endpoint import CloudAccess
    from edgekit.cloud.server import CloudServer
    from edgekit.measure.trips import TripRequest, measure_trips

    found = []
    with ExitStack() as stack:
        endpoint = settings.cloud
        for network in settings.networks or (None,):
            name = network.id if network else "direct"
            path = settings.out / "records" / f"trip-{name}.json"
            if stages.has(f"trip over {name}"):
                found.append(load(CloudTrip, path))
                continue
            if not endpoint:
                server = stack.enter_context(CloudServer(folder, progress=output.note))
                endpoint = server.endpoint
            request = TripRequest(
                endpoint=endpoint,
                folder=folder,
                artifact=original,
                networks=(network,) if network else (),
                payload=settings.payload,
                access=settings.access or CloudAccess(),
                runs=settings.cloud_runs,
                max_duration_s=settings.cloud_seconds,
            )
            (trip,) = measure_trips(request, progress=output.note)
            save(trip, path)
            stages.end(f"trip over {name}")
            found.append(trip)
    return tuple(found)


def _board_name(measurement: Measurement) -> str:
    if any(note.id == "stand-in" for note in measurement.validity):
        return f"this machine, standing in for a {measurement.profile}"
    return measurement.board
