"""Network latency: what of a request to the cloud is distance and transfer."""

from __future__ import annotations

from edgekit.core.lag import Finding, Ledger, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.ledger import share_of

CAUSE = "software-network"
GROUP = "software"
NETWORK = ("network-rtt", "transfer-up", "transfer-down")
MATTERS = 0.3


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """The share of the network in every request, worst network first."""
    if not evidence.clouds:
        return Unavailable("no request to a cloud endpoint was measured")
    worst = max(evidence.clouds, key=lambda ledger: share_of(ledger, *NETWORK))
    share = share_of(worst, *NETWORK)
    if share < MATTERS:
        return None
    return Finding(
        CAUSE,
        GROUP,
        f"{share:.0%} of a request, {worst.subject}, is network",
        Severity.WARNING,
        Unavailable("it is a share of the cloud's time, not of the board's"),
        "; ".join(_parts(ledger) for ledger in evidence.clouds),
        "ledgers of the requests",
        (
            Remedy(
                "compute on the board"
                if evidence.edge.total_ms < worst.total_ms
                else "send less: JPEG instead of tensors, fewer requests",
                "edgekit deploy ARTIFACT --board BOARD",
                max(worst.total_ms - evidence.edge.total_ms, 0.0),
                max(worst.total_ms - evidence.edge.total_ms, 0.0)
                if not evidence.is_stand_in
                else Unavailable("another machine stands in for the board"),
            ),
        ),
    )


def _parts(ledger: Ledger) -> str:
    times = {s.id: s.time_ms for s in ledger.shares}
    transfer = times.get("transfer-up", 0.0) + times.get("transfer-down", 0.0)
    return (
        f"{ledger.subject}: distance {format_ms(times.get('network-rtt', 0.0))}, transfer "
        f"{format_ms(transfer)} of {format_ms(ledger.total_ms)}"
    )
