"""Batch wait: the server holds requests back for a fuller batch."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.cloud import NO_TRIP, worst
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import MATTERS, Rule, cause
from edgekit.explain.ledger import time_of
from edgekit.explain.remedies import serve_again

CAUSE = "software-server-batching"
GROUP = "software"
NEEDS = "server phases in the answers"
SOURCE = "Crankshaw et al., Clipper, NSDI 2017: waiting pays under load only"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Time in which a worker was free and the request waited for others."""
    found = worst(evidence, "server-batch-wait")
    if found is None:
        return NO_TRIP
    trip, ledger, share = found
    if "server_batch_wait" not in trip.samples_ns:
        return Unavailable("the server does not tell how long requests wait for a batch")
    if share < MATTERS:
        return None
    spent_ms = time_of(ledger, "server-batch-wait")
    remedy = Remedy(
        "do not wait for a fuller batch",
        serve_again(evidence, "--max-wait", "0"),
        spent_ms,
        Confidence.HIGH,
    )
    text = f"{format_ms(spent_ms)} although a worker was free"
    title = f"the server waits for fuller batches, {ledger.subject}"
    rule = Rule(CAUSE, GROUP, SOURCE)
    return cause(rule, title, share, text, remedy, subject=ledger.subject)
