"""Payload: what is sent takes long on this network, and could be smaller."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes, format_ms
from edgekit.explain.cloud import NO_TRIP, network_flags, worst
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.ledger import time_of
from edgekit.explain.remedies import ask_again, deploy

CAUSE = "software-transfer"
GROUP = "software"
NEEDS = "requests to the endpoint over a known network; sizes of the payload's other forms"
SOURCE = "arithmetic: 602 kB of float32 at 5 Mbit/s take 0.96 s, a 50 kB JPEG 80 ms"
MATTERS = 0.2
"""Share of a request from which a smaller payload is the first thing to try."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Sending and receiving against the whole request, and the smallest form of the payload."""
    found = worst(evidence, "transfer-up", "transfer-down")
    if found is None:
        return NO_TRIP
    trip, ledger, share = found
    if trip.network is None:
        return Unavailable("the rate of the real network is not known")
    if share < MATTERS:
        return None
    up_ms = time_of(ledger, "transfer-up")
    sent = sum(trip.up_bytes) / max(len(trip.up_bytes), 1)
    text = f"{format_bytes(sent)} take {format_ms(up_ms)} of {format_ms(ledger.total_ms)}"
    smaller = {k: size for k, size in trip.payload_bytes.items() if 0 < size < 0.9 * sent}
    remedies = []
    if smaller:
        name = min(smaller, key=lambda key: smaller[key])
        gain_ms = up_ms * (1 - smaller[name] / sent)
        text += f"; as {name} it would be {format_bytes(smaller[name])}"
        command = ask_again(evidence, "--payload", name, *network_flags(trip))
        change = {"payload": name}
        remedies.append(Remedy(f"send {name}", command, gain_ms, Confidence.MEDIUM, change))
    if ledger.total_ms > evidence.edge.total_ms:
        gain_ms = ledger.total_ms - evidence.edge.total_ms
        remedy = Remedy("compute on the board", deploy(evidence), gain_ms, Confidence.HIGH)
        remedies.append(remedy)
    title = f"{share:.0%} of a request, {ledger.subject}, is transfer"
    rule = Rule(CAUSE, GROUP, SOURCE)
    return cause(rule, title, share, text, *remedies, subject=ledger.subject)
