"""The experiment ``rtt-added``: how many round trips a request really takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from edgekit.core.estimate import Estimate
from edgekit.core.lag import Experiment
from edgekit.core.network import CloudTrip, NetworkProfile
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.measure.stats import difference_of
from edgekit.measure.trips import TripRequest, measure_trips

ADDED_MS = 50.0
"""Far above what a local link scatters, and no longer than a mobile network is away."""
RUNS = 30
QUESTION = "distance against everything else: round trips of a request"


def try_added_rtt(
    request: TripRequest, *, progress: Callable[[str], None] = lambda message: None
) -> Experiment | Unavailable:
    """Requests over a link as it is and over one that is farther, in turn."""
    base = request.networks[0] if request.networks else _plain("as-is", 0.0)
    far = replace(base, id=f"{base.id}-farther", rtt_ms=base.rtt_ms + ADDED_MS)
    begin = time.perf_counter()
    asked = replace(request, networks=(base, far), runs=RUNS, concurrency=1, load=None)
    near, farther = measure_trips(asked, progress=progress)
    return compare_trips(near, farther, cost_s=time.perf_counter() - begin)


def compare_trips(near: CloudTrip, far: CloudTrip, *, cost_s: float) -> Experiment | Unavailable:
    """The experiment's record; its gain is negative, a round trip's worth or more of them."""
    medians = []
    for trip in (near, far):
        found = trip.summaries["total"].percentiles_ms["p50"]
        if isinstance(found, Unavailable):
            return found
        medians.append(found)
    loss = difference_of(medians[1], medians[0])
    gain = Estimate(-loss.value, -loss.high, -loss.low)
    told = (
        f"rtt-added: {format_ms(ADDED_MS)} more of distance make a request "
        f"{format_ms(loss.value)} longer: {loss.value / ADDED_MS:.1f} round trips"
    )
    return Experiment(
        "rtt-added",
        QUESTION,
        {"rtt_ms": f"+{ADDED_MS:g}"},
        medians[0],
        medians[1],
        gain,
        "total",
        told,
        round(cost_s, 2),
    )


def _plain(name: str, rtt_ms: float) -> NetworkProfile:
    return NetworkProfile(name, "the network that is there", rtt_ms, 0.0, 0.0, 0.0, "a link")
