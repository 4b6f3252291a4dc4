"""Networks and trips to a cloud endpoint over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from edgekit.core.estimate import Summary
from edgekit.core.measurement import ValidityNote
from edgekit.core.mode import Mode
from edgekit.core.record import Record


@dataclass(frozen=True)
class NetworkProfile:
    """A named network that the shaping link emulates. Rates are as the edge sees them."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    id: str
    name: str
    rtt_ms: float
    jitter_ms: float
    """Standard deviation of the one-way delay."""
    up_kbit_s: float
    """0 means unlimited."""
    down_kbit_s: float
    source: str
    note: str = ""
    loss_share: float = 0.0
    """Share of TCP segments that get lost, each way; a reader feels it as delay."""
    queue_ms: float = 0.0
    """How long the queue before the bottleneck can get; 0 means one round trip, at least 50 ms."""
    up_trace: str = ""
    """Name of a capacity that changes over time (Mahimahi's form) in place of up_kbit_s."""
    down_trace: str = ""


@dataclass(frozen=True)
class CloudTrip(Record):
    """Requests to an Open Inference Protocol endpoint over one network."""

    KIND: ClassVar[str] = "edgekit.cloud_trip"

    id: str
    endpoint: str
    model_name: str
    model: Mapping[str, str]
    """name, format, sha256 of what the endpoint serves, where it is known."""
    network: NetworkProfile | None
    """None when the real network was used."""
    origin: str
    """Where the requests started: host or board."""
    mode: Mode
    """``emulated`` when the network was."""
    up_bytes: tuple[int, ...]
    """Size of each request, as long as ``starts_ns``; pictures differ."""
    down_bytes: tuple[int, ...]
    """Size of each answer."""
    once_ns: Mapping[str, int]
    """resolve, connect, tls, first_request."""
    samples_ns: Mapping[str, tuple[int, ...]]
    """Per request, equal lengths: encode, round_trip, decode, total; and of the round trip the
    parts that the server told: server_queue, server_compute, server_encode."""
    starts_ns: tuple[int, ...]
    summaries: Mapping[str, Summary]
    validity: tuple[ValidityNote, ...]
    measured_utc: str


@dataclass(frozen=True)
class LinkCheck(Record):
    """What the shaping link was measured to do, against what it was asked for."""

    KIND: ClassVar[str] = "edgekit.link_check"

    network: NetworkProfile
    rtt_ms: float
    up_kbit_s: float
    down_kbit_s: float
