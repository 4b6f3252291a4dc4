"""Server queue: requests wait because every worker computes."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.cloud import NO_TRIP, worst
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import MATTERS, Rule, cause
from edgekit.explain.ledger import time_of
from edgekit.explain.remedies import serve_again

CAUSE = "software-server-queue"
GROUP = "software"
NEEDS = "server phases in the answers"
SOURCE = "Little's law; Crankshaw et al., Clipper, NSDI 2017"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Time in the server's queue."""
    found = worst(evidence, "server-queue")
    if found is None:
        return NO_TRIP
    trip, ledger, share = found
    if "server_queue" not in trip.samples_ns:
        return Unavailable("the server does not tell how long requests wait")
    if share < MATTERS:
        return None
    spent_ms = time_of(ledger, "server-queue")
    computed_ms = time_of(ledger, "server-compute")
    text = f"{format_ms(spent_ms)} in the queue, {format_ms(computed_ms)} of computing"
    flags = ("--workers", "2", "--max-batch", "8")
    remedy = Remedy(
        "more workers, and batches while they are busy",
        serve_again(evidence, *flags),
        spent_ms / 2,
        Confidence.MEDIUM,
    )
    title = f"requests wait in the server's queue, {ledger.subject}"
    rule = Rule(CAUSE, GROUP, SOURCE)
    return cause(rule, title, share, text, remedy, subject=ledger.subject)
