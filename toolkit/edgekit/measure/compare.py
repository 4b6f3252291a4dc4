"""Edge against cloud: difference with interval, verdict, break-even, what-if, cost. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from edgekit.core.artifact import Accuracy, ModelArtifact
from edgekit.core.comparison import (
    AtQuantile,
    Availability,
    BreakEven,
    Comparison,
    NetworkVerdict,
    PayloadWhatIf,
    Round,
    Verdict,
)
from edgekit.core.errors import NotComparable
from edgekit.core.estimate import Estimate
from edgekit.core.measurement import Level, Measurement
from edgekit.core.network import CloudTrip
from edgekit.core.record import Unavailable
from edgekit.core.units import NS_PER_MS
from edgekit.measure.costs import Prices, cost_of, edge_energy
from edgekit.measure.stats import (
    difference_of,
    paired_difference,
    paired_ratio,
    quantile_estimate,
    ratio_of,
)

MARGIN_SHARE = 0.03
"""Latencies closer than this are called undecided: nobody moves a model for 3 %."""
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class CompareOptions:
    """What a comparison takes into account beside the latencies."""

    deadline_ms: float | None = None
    prices: Prices = field(default_factory=Prices)
    edge_card: ModelArtifact | None = None
    cloud_card: ModelArtifact | None = None
    supply_w: float | None = None
    """Of the board type, where its profile knows it."""
    rounds: Mapping[str, tuple[Round, ...]] = field(default_factory=dict)
    """By the id of a trip, where both sides were measured in turn."""


DEFAULT_OPTIONS = CompareOptions()


def compare(
    measurement: Measurement,
    trips: Sequence[CloudTrip],
    options: CompareOptions = DEFAULT_OPTIONS,
) -> Comparison:
    """The comparison of one measurement with trips.

    Raises:
        NotComparable: the sides serve different models, or there is nothing to compare with.
    """
    if not trips:
        raise NotComparable("there is no cloud trip to compare with", hint="--cloud grpc://...")
    edge = _milliseconds(measurement.samples_ns["total"])
    notes = list(_notes(measurement, trips))
    edge_ms = {name: quantile_estimate(edge, q) for name, q in QUANTILES.items()}
    p50 = edge_ms["p50"]
    if isinstance(p50, Unavailable):
        raise NotComparable(
            f"the run on {measurement.board} has too few samples: {p50.reason}",
            hint="measure again with --runs 300",
        )
    energy = edge_energy(measurement, p50.value, options.prices, options.supply_w)
    return Comparison(
        measurement_id=measurement.id,
        board=measurement.board,
        model_name=measurement.model["name"],
        edge_mode=measurement.mode,
        edge_machine=measurement.machine,
        edge_ms=edge_ms,
        networks=tuple(_network(edge, edge_ms, p50, trip, options) for trip in trips),
        edge_accuracy=_accuracy(options.edge_card),
        cloud_accuracy=_accuracy(options.cloud_card),
        cost=cost_of(energy, trips, options.prices),
        energy=energy,
        notes=tuple(notes),
    )


def decide(difference: Estimate, edge_ms: float, cloud_ms: float) -> Verdict:
    """The verdict from the interval of the difference, cloud minus edge."""
    margin = MARGIN_SHARE * min(edge_ms, cloud_ms)
    if difference.low > margin:
        return Verdict.EDGE
    if difference.high < -margin:
        return Verdict.CLOUD
    return Verdict.UNDECIDED


def break_even_rtt_ms(edge_ms: float, cloud_ms: float, rtt_ms: float) -> float:
    """The round trip time at which both sides are equal, everything else staying as it is.

    A request on an open connection costs one round trip, so the cloud's time without the network's
    distance is ``cloud - rtt``. Negative: the edge is faster at any distance.
    """
    return edge_ms - (cloud_ms - rtt_ms)


def break_even_up_kbit_s(
    edge_ms: float, cloud_ms: float, up_bytes: float, up_kbit_s: float
) -> float | Unavailable:
    """The rate up at which both sides are equal, everything else staying as it is.

    Args:
        edge_ms: median on the board.
        cloud_ms: median of the requests at the present rate.
        up_bytes: size of a request.
        up_kbit_s: the present rate; 0 means unlimited.
    """
    sending_ms = up_bytes * 8 / up_kbit_s if up_kbit_s else 0.0
    left_ms = edge_ms - (cloud_ms - sending_ms)
    if left_ms <= 0:
        return Unavailable("the edge is faster at any rate")
    return up_bytes * 8 / left_ms


def at_quantile(edge: Estimate, cloud: Estimate) -> AtQuantile:
    """Both sides at one quantile."""
    difference = difference_of(cloud, edge)
    verdict = decide(difference, edge.value, cloud.value)
    return AtQuantile(cloud, difference, ratio_of(cloud, edge), verdict)


def _network(
    edge: Sequence[float],
    edge_ms: Mapping[str, Estimate | Unavailable],
    edge_p50: Estimate,
    trip: CloudTrip,
    options: CompareOptions,
) -> NetworkVerdict:
    cloud = _milliseconds(trip.samples_ns["total"])
    quantiles: dict[str, AtQuantile | Unavailable] = {}
    for name, q in QUANTILES.items():
        ours, theirs = edge_ms[name], quantile_estimate(cloud, q)
        if isinstance(theirs, Unavailable):
            quantiles[name] = Unavailable(f"cloud: {theirs.reason}")
        elif isinstance(ours, Unavailable):
            quantiles[name] = Unavailable(f"edge: {ours.reason}")
        else:
            quantiles[name] = at_quantile(ours, theirs)
    p50 = quantiles["p50"]
    if isinstance(p50, Unavailable):
        where = trip.network.id if trip.network else trip.endpoint
        raise NotComparable(
            f"the trips over {where} are too few: {p50.reason}",
            hint="give them more time: --cloud-seconds 30",
        )
    rounds = options.rounds.get(trip.id, ())
    p50 = quantiles["p50"] = _in_rounds(p50, edge_p50, rounds)
    return NetworkVerdict(
        network=trip.network,
        trip_id=trip.id,
        quantiles=quantiles,
        break_even=_break_even(edge_p50.value, p50.cloud_ms.value, trip),
        what_if=tuple(_what_ifs(edge_p50.value, p50.cloud_ms, trip)),
        availability=_availability(edge, cloud, trip, options.deadline_ms),
        rounds=rounds,
    )


def _in_rounds(found: AtQuantile, edge: Estimate, rounds: Sequence[Round]) -> AtQuantile:
    """The medians' difference and ratio from the rounds, where there are enough of them."""
    cloud_ms = [item.cloud_p50_ms for item in rounds]
    edge_ms = [item.edge_p50_ms for item in rounds]
    difference, ratio = paired_difference(cloud_ms, edge_ms), paired_ratio(cloud_ms, edge_ms)
    if isinstance(difference, Unavailable) or isinstance(ratio, Unavailable):
        return found
    verdict = decide(difference, edge.value, found.cloud_ms.value)
    return AtQuantile(found.cloud_ms, difference, ratio, verdict)


def _break_even(edge_ms: float, cloud_ms: float, trip: CloudTrip) -> BreakEven:
    network = trip.network
    if network is None:
        unknown = "is not known of the real network; edgekit net measure tells it"
        return BreakEven(
            Unavailable(f"the round trip {unknown}"), Unavailable(f"the rate {unknown}")
        )
    rate: float | Unavailable = Unavailable("the capacity of this network changes")
    if not network.up_trace:
        rate = break_even_up_kbit_s(edge_ms, cloud_ms, _mean(trip.up_bytes), network.up_kbit_s)
    return BreakEven(break_even_rtt_ms(edge_ms, cloud_ms, network.rtt_ms), rate)


def _what_ifs(edge_ms: float, cloud: Estimate, trip: CloudTrip) -> list[PayloadWhatIf]:
    """Other forms of the request: what their size would change at this network's rate."""
    network = trip.network
    if network is None or not network.up_kbit_s:
        return []
    now_bytes, found = _mean(trip.up_bytes), []
    for payload, size in sorted(trip.payload_bytes.items(), key=lambda item: item[1]):
        if payload == trip.model.get("payload"):
            continue
        change = (size - now_bytes) * 8 / network.up_kbit_s
        other = max(cloud.value + change, 0.0)
        moved = Estimate(
            other - edge_ms, cloud.low + change - edge_ms, cloud.high + change - edge_ms
        )
        found.append(PayloadWhatIf(payload, size, other, decide(moved, edge_ms, other)))
    return found


def _availability(
    edge: Sequence[float], cloud: Sequence[float], trip: CloudTrip, deadline_ms: float | None
) -> Availability:
    late_edge = late_cloud = 0
    if deadline_ms is not None:
        late_edge = sum(value > deadline_ms for value in edge)
        late_cloud = sum(value > deadline_ms for value in cloud)
    lost = len(trip.failures)
    return Availability(
        deadline_ms, late_edge / len(edge), (late_cloud + lost) / (len(cloud) + lost)
    )


def _accuracy(card: ModelArtifact | None) -> float | Unavailable:
    if card is None:
        return Unavailable("no artifact was given for this side")
    if isinstance(card.accuracy, Accuracy):
        return card.accuracy.artifact
    return card.accuracy


def _milliseconds(values_ns: Sequence[int]) -> list[float]:
    return [value / NS_PER_MS for value in values_ns]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _notes(measurement: Measurement, trips: Sequence[CloudTrip]) -> Sequence[str]:
    notes = [note.message for note in measurement.validity if note.level is not Level.INFO]
    source = measurement.model.get("source_sha256", "")
    for trip in trips:
        other = trip.model.get("source_sha256", "")
        if source and other and source != other:
            raise NotComparable(
                f"{measurement.board} runs {measurement.model['name']}, the endpoint serves "
                f"{trip.model['name']}, which was made from another model",
                hint="convert both from the same model",
            )
    recipe, theirs = measurement.model["recipe"], trips[0].model.get("recipe", "")
    if recipe != theirs:
        notes.append(
            f"the edge runs {recipe}, the cloud {theirs}: accuracy may differ, see the card"
        )
    for trip in trips:
        if trip.failures:
            where = trip.network.id if trip.network else "the real network"
            count = len(trip.failures) + len(trip.starts_ns)
            notes.append(f"{len(trip.failures)} of {count} requests over {where} got no answer")
    if any(trip.network for trip in trips):
        notes.append(
            "networks are emulated: round trip, rate and loss as named, reused connections"
        )
    return notes
