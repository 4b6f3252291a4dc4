"""Networks and trips to a cloud endpoint over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """Name of a capacity that changes over time (Mahimahi's form); up_kbit_s is then its mean."""
    down_trace: str = ""


@dataclass(frozen=True)
class TripFailure:
    """A request that got no good answer: a sample of its own kind."""

    at_ns: int
    """When it started, since the start of the trip."""
    spent_ns: int
    reason: str
    """unreachable, untrusted, timeout, refused, overloaded or broken."""
    message: str


@dataclass(frozen=True)
class OpenLoad:
    """Requests that were due at a rate, whether or not earlier ones were answered."""

    rate_per_s: float
    arrivals: str
    """poisson or constant."""
    seconds: float
    connections: int


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
    """resolve, connect, tls, first_request; ping: the smallest exchange on an open connection."""
    samples_ns: Mapping[str, tuple[int, ...]]
    """Per answered request, equal lengths: encode, round_trip, decode, total; of the round trip over
    REST send, wait, receive, and the parts that the server told: server_preprocess, server_queue,
    server_batch_wait, server_compute, server_encode; at a rate late and service, whose sum is
    total."""
    starts_ns: tuple[int, ...]
    summaries: Mapping[str, Summary]
    validity: tuple[ValidityNote, ...]
    measured_utc: str
    protocol: str = "grpc"
    """grpc or rest."""
    failures: tuple[TripFailure, ...] = ()
    concurrency: int = 1
    load: OpenLoad | None = None
    """None when each request waited for the answer to the one before."""
    payload_bytes: Mapping[str, float] = field(default_factory=dict)
    """Mean size of a request in each form that the artifact's inputs can take."""


@dataclass(frozen=True)
class LinkCheck(Record):
    """What the shaping link was measured to do, against what it was asked for."""

    KIND: ClassVar[str] = "edgekit.link_check"

    network: NetworkProfile
    rtt_ms: float
    up_kbit_s: float
    down_kbit_s: float
