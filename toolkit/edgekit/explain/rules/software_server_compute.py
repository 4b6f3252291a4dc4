"""Server computing: the endpoint itself is what takes the time."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.cloud import NO_TRIP, worst
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.ledger import time_of
from edgekit.explain.remedies import serve_again

CAUSE = "software-server-compute"
GROUP = "software"
NEEDS = "server phases in the answers"
SOURCE = "the server's own times"
MATTERS = 0.3


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """The model's time on the server."""
    found = worst(evidence, "server-compute")
    if found is None:
        return NO_TRIP
    trip, ledger, share = found
    if "server_compute" not in trip.samples_ns:
        return Unavailable("the server does not tell how long it computes")
    if share < MATTERS:
        return None
    spent_ms = time_of(ledger, "server-compute")
    remedy = Remedy(
        "keep answers that repeat, or give the engine other threads",
        serve_again(evidence, "--cache", "64"),
        Unavailable("depends on how often requests repeat"),
        Confidence.LOW,
    )
    title = f"{share:.0%} of a request, {ledger.subject}, is computing on the server"
    rule = Rule(CAUSE, GROUP, SOURCE)
    text = f"{format_ms(spent_ms)} of {format_ms(ledger.total_ms)}"
    subject = ledger.subject
    return cause(rule, title, share, text, remedy, severity=Severity.INFO, subject=subject)
