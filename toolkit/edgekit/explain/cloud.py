"""What rules about requests to a cloud share. Pure."""

from __future__ import annotations

from edgekit.core.lag import Ledger
from edgekit.core.network import CloudTrip
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Evidence
from edgekit.explain.ledger import share_of

NO_TRIP = Unavailable("no request to a cloud endpoint was measured")


def worst(evidence: Evidence, *names: str) -> tuple[CloudTrip, Ledger, float] | None:
    """The trip of which the named shares are the largest part, its ledger and that part."""
    if not evidence.clouds:
        return None
    pairs = zip(evidence.trips, evidence.clouds, strict=True)
    rows = [(trip, ledger, share_of(ledger, *names)) for trip, ledger in pairs]
    return max(rows, key=lambda row: row[2])


def network_flags(trip: CloudTrip) -> tuple[str, ...]:
    """The flags of ``edgekit compare`` for the network of a trip."""
    return ("--network", trip.network.id) if trip.network else ()
