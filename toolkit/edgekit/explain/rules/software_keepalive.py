"""No keep-alive: every request opens a connection of its own."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.cloud import NO_TRIP, network_flags, worst
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import MATTERS, Rule, cause
from edgekit.explain.ledger import time_of
from edgekit.explain.remedies import ask_again

CAUSE = "software-keepalive"
GROUP = "software"
NEEDS = "requests to the endpoint with their handshakes"
SOURCE = "RFC 9293 (TCP: one round trip), RFC 8446 (TLS 1.3: one more)"
PARTS = ("resolve", "connect", "tls")


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Resolution and handshakes inside each request."""
    found = worst(evidence, *PARTS)
    if found is None:
        return NO_TRIP
    trip, ledger, share = found
    if share < MATTERS:
        return None
    spent_ms = time_of(ledger, *PARTS)
    remedy = Remedy(
        "keep the connection open between requests",
        ask_again(evidence, *network_flags(trip)),
        spent_ms,
        Confidence.HIGH,
        {"keepalive": "on"},
    )
    text = ", ".join(f"{name} {format_ms(time_of(ledger, name))}" for name in PARTS)
    title = f"{share:.0%} of a request, {ledger.subject}, opens its connection"
    rule = Rule(CAUSE, GROUP, SOURCE)
    return cause(rule, title, share, text, remedy, subject=ledger.subject)
