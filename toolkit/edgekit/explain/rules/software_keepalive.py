"""No keep-alive: every request opens a connection of its own."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Experiment, Finding, Remedy
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.cloud import NO_TRIP, network_flags, worst
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import MATTERS, Rule, cause
from edgekit.explain.ledger import time_of
from edgekit.explain.remedies import ask_again

CAUSE = "software-keepalive"
GROUP = "software"
NEEDS = "requests to the endpoint with their handshakes, else the experiment rtt-added"
SOURCE = "RFC 9293 (TCP: one round trip), RFC 8446 (TLS 1.3: one more)"
PARTS = ("resolve", "connect", "tls")
ROUND_TRIPS = 1.5
"""More than the request's own one: half of another is beyond what a link scatters."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Resolution and handshakes inside each request."""
    found = worst(evidence, *PARTS)
    if found is None:
        return NO_TRIP
    trip, ledger, share = found
    text = ", ".join(f"{name} {format_ms(time_of(ledger, name))}" for name in PARTS)
    spent_ms = time_of(ledger, *PARTS)
    if share < MATTERS:
        experiment = evidence.experiment("rtt-added")
        if experiment is None:
            return None
        trips = _round_trips(experiment)
        spent_ms = (trips - 1) * time_of(ledger, "network-rtt")
        share = spent_ms / ledger.total_ms if ledger.total_ms > 0 else 0.0
        if trips < ROUND_TRIPS or share < MATTERS:
            return None
        text = experiment.told
    remedy = Remedy(
        "keep the connection open between requests",
        ask_again(evidence, *network_flags(trip)),
        spent_ms,
        Confidence.HIGH,
        {"keepalive": "on"},
    )
    title = f"{share:.0%} of a request, {ledger.subject}, opens its connection"
    rule = Rule(CAUSE, GROUP, SOURCE)
    return cause(rule, title, share, text, remedy, subject=ledger.subject)


def _round_trips(experiment: Experiment) -> float:
    """How often a request goes there and back, by what more distance cost it."""
    added_ms = float(experiment.change["rtt_ms"])
    return -experiment.gain_ms.value / added_ms
