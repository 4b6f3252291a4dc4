"""Encoding: numbers travel as JSON text, or are packed with much ado."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Ledger, Remedy
from edgekit.core.network import CloudTrip
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes, format_ms
from edgekit.explain.cloud import NO_TRIP, network_flags
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import MATTERS, Rule, cause
from edgekit.explain.ledger import time_of
from edgekit.explain.remedies import ask_again

CAUSE = "software-encoding"
GROUP = "software"
NEEDS = "requests to the endpoint; form of the payload"
SOURCE = "measured: one server answers 124 ms over JSON, 0.93 ms over gRPC; SeldonIO/MLServer#48"
PARTS = ("encode", "server-preprocess", "server-encode", "decode")
BINARY_MATTERS = 0.3
"""Pictures are decoded somewhere in any case; bytes packed in this much time deserve a look."""
SMALLER = 0.3
"""A float takes four bytes, and about a dozen letters in JSON."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Packing and unpacking on both sides, with what JSON adds on the way."""
    if not evidence.trips:
        return NO_TRIP
    pairs = zip(evidence.trips, evidence.clouds, strict=True)
    rows = [(_spent_ms(trip, ledger) / ledger.total_ms, trip, ledger) for trip, ledger in pairs]
    share, trip, ledger = max(rows, key=lambda row: row[0])
    is_json, spent_ms = _is_json(trip), share * ledger.total_ms
    if share < (MATTERS if is_json else BINARY_MATTERS):
        return None
    size = sum(trip.up_bytes) / max(len(trip.up_bytes), 1)
    text = f"{format_ms(spent_ms)} of {format_ms(ledger.total_ms)} to pack and unpack {format_bytes(size)}"
    remedies = []
    if is_json:
        command = ask_again(evidence, "--payload", "tensor", *network_flags(trip))
        change = {"payload": "tensor"}
        action = "send the numbers as bytes"
        remedies.append(Remedy(action, command, spent_ms, Confidence.MEDIUM, change))
    title = "numbers travel as JSON" if is_json else "packing costs more than computing"
    rule = Rule(CAUSE, GROUP, SOURCE)
    return cause(rule, title, share, text, *remedies, subject=ledger.subject)


def _is_json(trip: CloudTrip) -> bool:
    return trip.model.get("payload") == "json"


def _spent_ms(trip: CloudTrip, ledger: Ledger) -> float:
    """Packing and unpacking; of JSON also its protocol's part and the letters on the way."""
    spent_ms = time_of(ledger, *PARTS)
    if not _is_json(trip):
        return spent_ms
    letters_ms = (1 - SMALLER) * time_of(ledger, "transfer-up")
    return spent_ms + letters_ms + max(time_of(ledger, "unexplained"), 0.0)
