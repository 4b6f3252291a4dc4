"""Distance: the round trip to the endpoint, whatever is sent."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.cloud import NO_TRIP, worst
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.ledger import time_of
from edgekit.explain.remedies import deploy

CAUSE = "software-network"
GROUP = "software"
NEEDS = "requests to the endpoint"
SOURCE = "Dang et al., IMC 2021: 100 ms are noticed; 10 us per km of fibre cannot be bought back"
MATTERS = 0.3
"""Share of a request from which being nearer would change the picture."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """The share of the round trip in a request, worst network first."""
    found = worst(evidence, "network-rtt")
    if found is None:
        return NO_TRIP
    _, ledger, share = found
    if share < MATTERS:
        return None
    text = "; ".join(
        f"{each.subject}: {format_ms(time_of(each, 'network-rtt'))} of {format_ms(each.total_ms)}"
        for each in evidence.clouds
    )
    gain_ms = ledger.total_ms - evidence.edge.total_ms
    remedy = (
        Remedy("compute on the board", deploy(evidence), gain_ms, Confidence.HIGH)
        if gain_ms > 0
        else Remedy(
            "serve nearer to the board", "", time_of(ledger, "network-rtt"), Confidence.MEDIUM
        )
    )
    title = f"{share:.0%} of a request, {ledger.subject}, is distance"
    rule = Rule(CAUSE, GROUP, SOURCE)
    return cause(rule, title, share, text, remedy, subject=ledger.subject)
