"""Edge against cloud, per network, with a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from edgekit.core.estimate import Estimate
from edgekit.core.mode import Mode
from edgekit.core.network import NetworkProfile
from edgekit.core.record import Record, Unavailable


class Verdict(StrEnum):
    """Which side is faster; undecided is a legal answer."""

    EDGE = "edge"
    CLOUD = "cloud"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class NetworkVerdict:
    """The comparison over one network."""

    network: NetworkProfile | None
    trip_id: str
    cloud_p50_ms: Estimate
    cloud_p95_ms: Estimate | Unavailable
    difference_p50_ms: Estimate
    """Cloud minus edge at the median: positive means that the edge is faster."""
    difference_p95_ms: Estimate | Unavailable
    ratio_p50: Estimate
    """Cloud divided by edge at the median."""
    verdict: Verdict
    break_even_rtt_ms: float | Unavailable
    """RTT at which both medians are equal with this network's rates; negative: the edge wins at
    any distance."""


@dataclass(frozen=True)
class Comparison(Record):
    """One edge measurement against trips over several networks."""

    KIND: ClassVar[str] = "edgekit.comparison"

    measurement_id: str
    board: str
    model_name: str
    edge_mode: Mode
    edge_machine: str
    edge_p50_ms: Estimate
    edge_p95_ms: Estimate | Unavailable
    networks: tuple[NetworkVerdict, ...]
    notes: tuple[str, ...] = ()
