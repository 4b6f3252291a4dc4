"""Where to cut a model between board and endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from edgekit.core.network import NetworkProfile
from edgekit.core.record import Record, Unavailable

NOT_VERIFIED = Unavailable("not measured: --verify-split cuts the model there and measures it")


@dataclass(frozen=True)
class GraphNode:
    """One operation of the model file, in its order."""

    name: str
    type: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class GraphCut:
    """A place at which one tensor holds all that the rest of the model needs."""

    after: int
    """Number of the last operation before the cut."""
    tensor: str
    shape: tuple[int, ...]
    dtype: str
    size_bytes: int


@dataclass(frozen=True)
class SplitPoint:
    """One way to share the work; predicted from times per operation and sizes of tensors."""

    tensor: str
    """What travels; the model's input when all is computed there, empty when nothing travels."""
    shape: tuple[int, ...]
    dtype: str
    up_bytes: int
    edge_ms: float
    transfer_ms: float
    """Round trip, sending, receiving, and what the protocol takes."""
    cloud_ms: float

    @property
    def total_ms(self) -> float:
        """What a request takes."""
        return self.edge_ms + self.transfer_ms + self.cloud_ms

    @property
    def is_edge(self) -> bool:
        """True when the board computes all of it."""
        return not self.tensor


@dataclass(frozen=True)
class SplitCheck:
    """What a cut took when the model was really cut there: medians."""

    edge_ms: float
    trip_ms: float
    """The request with the tensor of the cut, from encoding it to the answer."""
    total_ms: float
    predicted_ms: float
    largest_deviation: float
    """Of the two halves' outputs from the whole model's, over the recorded inputs."""

    @property
    def error_share(self) -> float:
        """Prediction against measurement, as a share of what was measured."""
        return (self.predicted_ms - self.total_ms) / self.total_ms


@dataclass(frozen=True)
class NetworkSplit:
    """The advice over one network."""

    network: NetworkProfile | None
    best: SplitPoint
    """Of all points, the quickest: it may be the board alone or the endpoint alone."""
    best_cut: SplitPoint | Unavailable
    """The quickest that really divides the model."""
    points: tuple[SplitPoint, ...]
    overhead_ms: float
    """Of a request with the model's input beside distance, sending and computing, as measured."""
    checked: SplitCheck | Unavailable = NOT_VERIFIED


@dataclass(frozen=True)
class SplitAdvice(Record):
    """Where to cut a model, per network."""

    KIND: ClassVar[str] = "edgekit.split_advice"

    model_name: str
    board: str
    endpoint: str
    edge_ms: float
    """The whole model on the board, without a profiler."""
    cloud_ms: float
    """The whole model on the endpoint's machine, as its server told."""
    cloud_shares: str
    """Where the endpoint's shares per operation come from."""
    matched_share: float
    """Of the board's time, in operations that were found in the model file."""
    networks: tuple[NetworkSplit, ...]
    trips: Mapping[str, str]
    """Trip with the whole model's input, by network."""
    measured_utc: str
