"""Where to cut a model: times per operation, sizes of tensors, and a network. Pure.

``total(cut) = edge before the cut + round trip + sending the tensor + protocol + cloud behind it``.
What the protocol and the server's own work take is measured twice, with the smallest exchange and
with the whole model's input, and taken to grow with the size in between.

Source: Kang et al., "Neurosurgeon: Collaborative intelligence between the cloud and mobile edge",
ASPLOS 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from edgekit.core.errors import NotComparable
from edgekit.core.network import CloudTrip, NetworkProfile
from edgekit.core.operations import OperationProfile, OperationTime
from edgekit.core.record import Unavailable
from edgekit.core.split import GraphCut, GraphNode, NetworkSplit, SplitPoint
from edgekit.core.units import NS_PER_MS
from edgekit.measure.stats import median

LAYOUT_SUFFIX = "_nchwc"
"""ONNX Runtime names an operation in its blocked layout after its output, with this behind it."""
FEWEST_MATCHED_SHARE = 0.8
"""Below it the shares say too little about the model file's own operations."""


@dataclass(frozen=True)
class Shares:
    """The part of an inference that lies before each operation's end, 0..1, in the file's order."""

    until: tuple[float, ...]
    matched: float


def shares_of(profile: OperationProfile, nodes: Sequence[GraphNode]) -> Shares:
    """The engine's operations laid on the file's; what was not found counts to the next that was.

    Engines fuse operations: a fused one carries the name of one that it holds, or of its output.

    Raises:
        NotComparable: too little of the time was found in the file.
    """
    places: dict[str, int] = {}
    for number, node in enumerate(nodes):
        unnamed = "" if node.name else f"{node.type}_{number}"  # what ONNX Runtime calls it
        for name in (node.name, unnamed, *node.outputs):
            if name:
                places.setdefault(name, number)
    spent = [0.0] * len(nodes)
    pending = matched = whole = 0.0
    last = 0
    for operation in profile.operations:
        whole += operation.time_ms
        place = _place(operation, places)
        if place is None:
            pending += operation.time_ms
            continue
        matched += operation.time_ms
        spent[place] += operation.time_ms + pending
        pending, last = 0.0, place
    spent[last] += pending
    share = matched / whole if whole else 0.0
    if share < FEWEST_MATCHED_SHARE:
        raise NotComparable(
            f"only {share:.0%} of the time on {profile.board} belongs to operations that the model "
            "file knows by name",
            hint="profile the artifact that is to be cut: edgekit split ARTIFACT --board BOARD",
        )
    return Shares(tuple(total / whole for total in accumulate(spent)), share)


def _place(operation: OperationTime, places: dict[str, int]) -> int | None:
    name = operation.name.removesuffix(LAYOUT_SUFFIX)
    if name in places:
        return places[name]
    inside = [known for known in places if len(known) > 2 and known in name]
    return places[max(inside, key=len)] if inside else None


@dataclass(frozen=True)
class Sides:
    """The whole model on both sides, and how its time is shared among operations."""

    edge_ms: float
    edge: Shares
    cloud_ms: float
    cloud: Shares


def split_over(
    trip: CloudTrip, network: NetworkProfile | None, cuts: Sequence[GraphCut], sides: Sides
) -> NetworkSplit:
    """The advice over the network of a trip that sent the whole model's input as a tensor.

    Args:
        trip: requests with the whole model at the endpoint.
        network: where it differs from the trip's; capacities that change count with their mean.
        cuts: where the model can be cut, in its order.
        sides: what the whole model takes.

    Raises:
        NotComparable: the rate of the network is not known.
    """
    network = network or trip.network
    if network is None:
        raise NotComparable(
            "the rate of the real network is not known, so no transfer can be predicted",
            hint="edgekit net measure HOST:PORT tells it; then --network NAME",
        )
    input_bytes = round(sum(trip.up_bytes) / len(trip.up_bytes))
    down_ms = _sending_ms(sum(trip.down_bytes) / len(trip.down_bytes), network.down_kbit_s)
    total_ms = median([value / NS_PER_MS for value in trip.samples_ns["total"]])
    sending_ms = _sending_ms(input_bytes, network.up_kbit_s)
    known_ms = network.rtt_ms + sending_ms + down_ms + sides.cloud_ms
    overhead_ms = max(total_ms - known_ms, 0.0)
    ping_ms = trip.once_ns.get("ping", 0) / NS_PER_MS
    least_ms = overhead_ms
    if ping_ms:
        least_ms = min(max(ping_ms - network.rtt_ms, 0.0), overhead_ms)

    def transfer_ms(size_bytes: int) -> float:
        sent_ms = _sending_ms(size_bytes, network.up_kbit_s)
        share = min(size_bytes / input_bytes, 1.0)
        protocol_ms = least_ms + (overhead_ms - least_ms) * share
        return network.rtt_ms + sent_ms + down_ms + protocol_ms

    alone = SplitPoint("", (), "", 0, sides.edge_ms, 0.0, 0.0)
    whole = SplitPoint("input", (), "", input_bytes, 0.0, transfer_ms(input_bytes), sides.cloud_ms)
    between = [
        SplitPoint(
            cut.tensor,
            cut.shape,
            cut.dtype,
            cut.size_bytes,
            sides.edge.until[cut.after] * sides.edge_ms,
            transfer_ms(cut.size_bytes),
            (1 - sides.cloud.until[cut.after]) * sides.cloud_ms,
        )
        for cut in cuts
    ]
    points = (whole, *between, alone)
    best_cut: SplitPoint | Unavailable = Unavailable("no single tensor divides this model")
    if between:
        best_cut = min(between, key=lambda point: point.total_ms)
    best = min(points, key=lambda point: point.total_ms)
    return NetworkSplit(network, best, best_cut, points, overhead_ms)


def _sending_ms(size_bytes: float, kbit_s: float) -> float:
    return size_bytes * 8 / kbit_s if kbit_s else 0.0
