"""The chain behind ``edgekit split``: profile, ask, predict, and really cut the model."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.chain import RunSettings, deploy_and_run
from edgekit.cli.output import Output
from edgekit.core.errors import ConfigError, UnsupportedModel
from edgekit.core.record import Unavailable

if TYPE_CHECKING:
    from edgekit.core.artifact import ModelArtifact
    from edgekit.core.network import CloudTrip
    from edgekit.core.operations import OperationProfile
    from edgekit.core.split import GraphCut, GraphNode, NetworkSplit, SplitAdvice, SplitCheck
    from edgekit.measure.trips import TripRequest

SCALED = "as on the board, scaled to what the server told"


@dataclass(frozen=True)
class SplitRequest:
    """What is to be divided between what."""

    folder: Path
    artifact: ModelArtifact
    board: str
    trip: TripRequest
    """Requests with the whole model, over every network."""
    edge_profile: OperationProfile | None = None
    """Made on the board when there is none."""
    cloud_profile: OperationProfile | None = None
    """Of the endpoint's machine; the board's shares when there is none."""
    is_verified: bool = False
    inventory: Path | None = None


@dataclass(frozen=True)
class Split:
    """The advice, with the trips that it rests on."""

    advice: SplitAdvice
    trips: tuple[CloudTrip, ...]


def advise(request: SplitRequest, output: Output) -> Split:
    """Where to cut the model over each network.

    Raises:
        ConfigError: the artifact is no ONNX model.
        NotComparable: the board's operations are not those of the model file.
    """
    from edgekit.cli.profiling import profile_artifact
    from edgekit.core.split import SplitAdvice
    from edgekit.core.units import NS_PER_MS
    from edgekit.measure.splitting import Sides, shares_of, split_over
    from edgekit.measure.stats import median
    from edgekit.measure.trips import measure_trips

    nodes, cuts = _graph(request, output)
    edge = request.edge_profile or profile_artifact(
        request.folder,
        request.board,
        "",
        RunSettings(),
        inventory=request.inventory,
        output=output,
    )
    edge_shares = shares_of(edge, nodes)
    cloud = request.cloud_profile
    cloud_shares = shares_of(cloud, nodes) if cloud else edge_shares
    trips = measure_trips(request.trip, progress=output.note)
    told = trips[0].samples_ns.get("server_compute")
    if told is None:
        raise ConfigError(
            f"{request.trip.endpoint} does not tell how long it computes",
            hint="serve the model with edgekit serve",
        )
    cloud_ms = median([value / NS_PER_MS for value in told])
    sides = Sides(edge.unprofiled_ms, edge_shares, cloud_ms, cloud_shares)
    networks = tuple(split_over(trip, trip.network, cuts, sides) for trip in trips)
    if request.is_verified:
        networks = _verified(request, networks, output)
    advice = SplitAdvice(
        model_name=request.artifact.name,
        board=edge.board,
        endpoint=request.trip.endpoint,
        edge_ms=edge.unprofiled_ms,
        cloud_ms=cloud_ms,
        cloud_shares=f"profiled on {cloud.board}" if cloud else SCALED,
        matched_share=edge_shares.matched,
        networks=networks,
        trips={trip.network.id if trip.network else "direct": trip.id for trip in trips},
        measured_utc=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
    return Split(advice, trips)


def _graph(
    request: SplitRequest, output: Output
) -> tuple[tuple[GraphNode, ...], tuple[GraphCut, ...]]:
    from edgekit.core.artifact import Format
    from edgekit.core.split import GraphCut, GraphNode
    from edgekit.toolenvs import worker

    artifact = request.artifact
    if artifact.format is not Format.ONNX:
        raise UnsupportedModel(
            f"{artifact.name} is {artifact.format.value}: only ONNX models can be cut",
            hint="edgekit convert MODEL --engine onnxruntime makes one",
        )
    found = worker.call(
        "onnx",
        "edgekit.convert.workers.graph_cuts",
        {"do": "list", "model": str((request.folder / artifact.model).absolute())},
        progress=output.note,
    )
    nodes = tuple(GraphNode(name, kind, tuple(made)) for name, kind, made in found["nodes"])
    cuts = tuple(
        GraphCut(after, tensor, tuple(shape), dtype, size)
        for after, tensor, shape, dtype, size in found["cuts"]
    )
    return nodes, cuts


def _verified(
    request: SplitRequest, networks: tuple[NetworkSplit, ...], output: Output
) -> tuple[NetworkSplit, ...]:
    """Cuts the model at the best place of each network, and measures both halves there."""
    found = []
    with tempfile.TemporaryDirectory(prefix="edgekit-split-") as scratch:
        halves: dict[str, Halves] = {}
        for item in networks:
            if isinstance(item.best_cut, Unavailable):
                found.append(item)
                continue
            tensor = item.best_cut.tensor
            if tensor not in halves:
                place = Path(scratch) / str(len(halves))
                halves[tensor] = make_halves(request, tensor, place, output)
            check = _measured(request, item, halves[tensor], output)
            found.append(dataclasses.replace(item, checked=check))
    return tuple(found)


@dataclass(frozen=True)
class Halves:
    """Both parts of a model as artifacts."""

    head: Path
    tail: Path
    tail_card: ModelArtifact
    deviation: float


def make_halves(request: SplitRequest, tensor: str, folder: Path, output: Output) -> Halves:
    """Cuts the model, checks that the halves give what the whole gives, makes artifacts of both.

    Raises:
        UnsupportedModel: it cannot be cut there.
    """
    from edgekit.convert.converting import convert
    from edgekit.convert.request import ConvertRequest
    from edgekit.toolenvs import worker

    artifact = request.artifact
    count = 0 if isinstance(artifact.golden, Unavailable) else artifact.golden.sample_count
    if not count:
        raise UnsupportedModel(
            f"{artifact.name} has no recorded inputs to check the halves with",
            hint="convert it with --calibration or --data",
        )
    folder.mkdir(parents=True)
    output.note(f"cutting {artifact.name} at {tensor}")
    golden = (request.folder / "golden").absolute()
    reply = worker.call(
        "onnx",
        "edgekit.convert.workers.graph_cuts",
        {
            "do": "cut",
            "model": str((request.folder / artifact.model).absolute()),
            "tensor": tensor,
            "folder": str(folder),
            "inputs": [
                [str(golden / f"{i}.in.{j}.bin") for j in range(len(artifact.inputs))]
                for i in range(count)
            ],
        },
        progress=output.note,
    )
    cards = {}
    for half, profile in (("head", artifact.profile), ("tail", SERVER_PROFILE)):
        wanted = ConvertRequest(
            folder / f"{half}.onnx",
            profile,
            recipe="float",
            engine=ENGINE,
            calibration=folder / f"{half}.npz",
            name=f"{artifact.name}-{half}",
            proof=False,
        )
        cards[half] = convert(wanted, folder / half)
    return Halves(folder / "head", folder / "tail", cards["tail"], reply["deviation"])


SERVER_PROFILE = "generic-x86-64"
ENGINE = "onnxruntime"


def _measured(
    request: SplitRequest, item: NetworkSplit, halves: Halves, output: Output
) -> SplitCheck:
    """The first half on the board, the second behind an endpoint on this machine."""
    from edgekit.cloud.server import CloudServer
    from edgekit.core.split import SplitCheck, SplitPoint
    from edgekit.core.units import NS_PER_MS
    from edgekit.measure.stats import median
    from edgekit.measure.trips import measure_trips

    done = deploy_and_run(
        halves.head,
        request.board,
        "",
        RunSettings(),
        inventory=request.inventory,
        output=output,
    )
    edge_ms = median([value / NS_PER_MS for value in done.measurement.samples_ns["infer"]])
    networks = (item.network,) if item.network else ()
    with CloudServer(halves.tail, progress=output.note) as server:
        wanted = dataclasses.replace(
            request.trip,
            endpoint=server.endpoint,
            folder=halves.tail,
            artifact=halves.tail_card,
            model_name="",
            payload="tensor",
            networks=networks,
        )
        (trip,) = measure_trips(wanted, progress=output.note)
    trip_ms = median([value / NS_PER_MS for value in trip.samples_ns["total"]])
    assert isinstance(item.best_cut, SplitPoint)
    return SplitCheck(
        edge_ms, trip_ms, edge_ms + trip_ms, item.best_cut.total_ms, halves.deviation
    )
