"""Edge against cloud: difference with interval, verdict, break-even. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from edgekit.core.comparison import Comparison, NetworkVerdict, Verdict
from edgekit.core.errors import NotComparable
from edgekit.core.estimate import Estimate
from edgekit.core.measurement import Level, Measurement
from edgekit.core.network import CloudTrip
from edgekit.core.record import Unavailable
from edgekit.measure.stats import difference_of, median, quantile_estimate, ratio_of

MARGIN_SHARE = 0.03
"""Medians closer than this are called undecided: nobody moves a model for 3 %."""


def compare(measurement: Measurement, trips: Sequence[CloudTrip]) -> Comparison:
    """The comparison of one measurement with trips.

    Raises:
        NotComparable: the sides serve different models, or there is nothing to compare with.
    """
    if not trips:
        raise NotComparable("there is no cloud trip to compare with", hint="--cloud grpc://...")
    edge = [value / 1e6 for value in measurement.samples_ns["total"]]
    notes = list(_notes(measurement, trips))
    edge_p50 = quantile_estimate(edge, 0.5)
    if isinstance(edge_p50, Unavailable):
        raise NotComparable(
            f"the run on {measurement.board} has too few samples: {edge_p50.reason}",
            hint="measure again with --runs 300",
        )
    edge_p95 = quantile_estimate(edge, 0.95)
    return Comparison(
        measurement_id=measurement.id,
        board=measurement.board,
        model_name=measurement.model["name"],
        edge_mode=measurement.mode,
        edge_machine=measurement.machine,
        edge_p50_ms=edge_p50,
        edge_p95_ms=edge_p95,
        networks=tuple(_network(edge, edge_p50, edge_p95, trip) for trip in trips),
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


def _network(
    edge: Sequence[float], edge_p50: Estimate, edge_p95: Estimate | Unavailable, trip: CloudTrip
) -> NetworkVerdict:
    cloud = [value / 1e6 for value in trip.samples_ns["total"]]
    cloud_p50 = quantile_estimate(cloud, 0.5)
    where = trip.network.id if trip.network else trip.endpoint
    if isinstance(cloud_p50, Unavailable):
        raise NotComparable(
            f"the trips over {where} are too few: {cloud_p50.reason}",
            hint="give them more time: --cloud-seconds 30",
        )
    cloud_p95 = quantile_estimate(cloud, 0.95)
    difference = difference_of(cloud_p50, edge_p50)
    tail: Estimate | Unavailable = Unavailable("too few samples for p95 on one side")
    if isinstance(cloud_p95, Estimate) and isinstance(edge_p95, Estimate):
        tail = difference_of(cloud_p95, edge_p95)
    even: float | Unavailable = Unavailable("the network's round trip time is not known")
    if trip.network is not None:
        even = break_even_rtt_ms(median(edge), median(cloud), trip.network.rtt_ms)
    return NetworkVerdict(
        network=trip.network,
        trip_id=trip.id,
        cloud_p50_ms=cloud_p50,
        cloud_p95_ms=cloud_p95,
        difference_p50_ms=difference,
        difference_p95_ms=tail,
        ratio_p50=ratio_of(cloud_p50, edge_p50),
        verdict=decide(difference, median(edge), median(cloud)),
        break_even_rtt_ms=even,
    )


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
    if any(trip.network for trip in trips):
        notes.append(
            "networks are emulated: round trip, rate and loss as named, reused connections"
        )
    return notes
