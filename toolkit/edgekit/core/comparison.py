"""Edge against cloud, per network, with a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from edgekit.core.estimate import Estimate
from edgekit.core.mode import Mode
from edgekit.core.network import NetworkProfile
from edgekit.core.record import Record, Unavailable

NOT_MEASURED = Unavailable("not measured")
NO_LABELS = Unavailable("no labelled data was given")
NO_PRICES = Unavailable("no prices were given")
NO_ENERGY = Unavailable("the board has no power sensor, and no power was given: --edge-watts")


class Verdict(StrEnum):
    """Which side is faster; undecided is a legal answer."""

    EDGE = "edge"
    CLOUD = "cloud"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class AtQuantile:
    """Both sides at one quantile of their latency."""

    cloud_ms: Estimate
    difference_ms: Estimate
    """Cloud minus edge: positive means that the edge is faster."""
    ratio: Estimate
    """Cloud divided by edge."""
    verdict: Verdict


@dataclass(frozen=True)
class Round:
    """The medians of one round, in which edge and cloud were measured one after the other."""

    edge_p50_ms: float
    cloud_p50_ms: float


@dataclass(frozen=True)
class BreakEven:
    """What the network would have to be for both medians to be equal, all else staying as it is."""

    rtt_ms: float | Unavailable
    """Negative: the edge is faster at any distance."""
    up_kbit_s: float | Unavailable
    """The cloud is faster above this rate."""
    ratio_at_rtt: Estimate | Unavailable = NOT_MEASURED
    """Cloud divided by edge, measured over a link with that round trip."""


@dataclass(frozen=True)
class PayloadWhatIf:
    """The cloud's median if the request were sent in another form; predicted."""

    payload: str
    up_bytes: float
    cloud_p50_ms: float
    verdict: Verdict


@dataclass(frozen=True)
class Availability:
    """Requests that were lost, or answered after the deadline."""

    deadline_ms: float | None
    """None: only lost ones count."""
    edge_missed_share: float
    cloud_missed_share: float


@dataclass(frozen=True)
class NetworkVerdict:
    """The comparison over one network."""

    network: NetworkProfile | None
    trip_id: str
    quantiles: Mapping[str, AtQuantile | Unavailable]
    """p50, p95, p99; Unavailable where a side has too few samples."""
    break_even: BreakEven
    what_if: tuple[PayloadWhatIf, ...]
    availability: Availability
    rounds: tuple[Round, ...] = ()
    """Where both sides were measured in turn: with three or more, difference and ratio at p50 are
    those of the rounds, which drift meets on both sides alike."""

    @property
    def p50(self) -> AtQuantile:
        """The medians, which every comparison has."""
        found = self.quantiles["p50"]
        assert isinstance(found, AtQuantile)
        return found

    @property
    def verdict(self) -> Verdict:
        """Which side is faster at the median."""
        return self.p50.verdict


class EnergyBasis(StrEnum):
    """Where a figure of energy comes from."""

    MEASURED = "measured"
    """By a sensor of the board during the run."""
    GIVEN = "given"
    """The power that the user named, times the latency."""
    DERIVED = "derived"
    """The board's recommended supply, times the latency: no more than that."""


@dataclass(frozen=True)
class EdgeEnergy:
    """What one inference takes from the board's supply."""

    per_inference_mj: float
    basis: EnergyBasis
    how: str


@dataclass(frozen=True)
class Cost:
    """Money and energy of a million inferences, from prices and powers that the user gave."""

    edge_energy_kwh: float | Unavailable
    edge_price: float | Unavailable
    cloud_price: float | Unavailable
    currency: str


@dataclass(frozen=True)
class Comparison(Record):
    """One edge measurement against trips over several networks."""

    KIND: ClassVar[str] = "edgekit.comparison"
    SCHEMA: ClassVar[int] = 2

    measurement_id: str
    board: str
    model_name: str
    edge_mode: Mode
    edge_machine: str
    edge_ms: Mapping[str, Estimate | Unavailable]
    """p50, p95, p99."""
    networks: tuple[NetworkVerdict, ...]
    edge_accuracy: float | Unavailable = NO_LABELS
    """Share of right answers, 0..1, of the artifact on the board."""
    cloud_accuracy: float | Unavailable = NO_LABELS
    cost: Cost | Unavailable = NO_PRICES
    energy: EdgeEnergy | Unavailable = NO_ENERGY
    notes: tuple[str, ...] = ()
