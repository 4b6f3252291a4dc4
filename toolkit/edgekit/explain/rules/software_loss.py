"""Loss: segments are sent again, which shows in the slowest requests."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.cloud import NO_TRIP
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.remedies import deploy

CAUSE = "software-loss"
GROUP = "software"
NEEDS = "requests to the endpoint; loss of the network, or requests that failed"
SOURCE = "RFC 6298: a lost segment costs a retransmission time-out of 200 ms or more"
LOSSY = 0.005
"""Share of lost segments from which a request of a hundred segments is likely to meet one."""
TAIL = 1.5
"""p95 over p50 from which the tail is the network's."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """The tail of requests over a lossy network, and requests without an answer."""
    if not evidence.trips:
        return NO_TRIP
    for trip, ledger in zip(evidence.trips, evidence.clouds, strict=True):
        lost = trip.network.loss_share if trip.network else 0.0
        values = sorted(trip.samples_ns["total"])
        p95_ms = values[min(int(0.95 * len(values)), len(values) - 1)] / 1e6
        is_slow = lost >= LOSSY and p95_ms > TAIL * ledger.total_ms
        if not is_slow and not trip.failures:
            continue
        count = len(values) + len(trip.failures)
        text = (
            f"{lost:.1%} of segments are lost, {len(trip.failures)} of {count} requests failed; "
            f"p95 {format_ms(p95_ms)}, median {format_ms(ledger.total_ms)}"
        )
        gain_ms = p95_ms - evidence.edge.total_ms
        remedy = Remedy(
            "compute on the board", deploy(evidence), max(gain_ms, 0.0), Confidence.LOW
        )
        unknown = Unavailable("it is in the slowest requests, not in the median")
        title = f"the network loses data, {ledger.subject}"
        rule = Rule(CAUSE, GROUP, SOURCE)
        return cause(
            rule, title, unknown, text, remedy, severity=Severity.WARNING, subject=ledger.subject
        )
    if all(trip.network is None for trip in evidence.trips):
        return Unavailable("the loss of the real network is not known, and no request failed")
    return None
