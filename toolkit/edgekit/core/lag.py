"""Where the time goes, why, what to change, and what was tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from edgekit.core.estimate import Estimate
from edgekit.core.mode import Mode
from edgekit.core.record import Record, Unavailable

NOT_TRIED = Unavailable("not tried")
NOT_CALIBRATED = Unavailable("the board was not calibrated, and its profile gives no figures")
EDGE = "edge"
"""Subject of what belongs to the board; ledgers of a cloud carry the network's name."""


class Basis(StrEnum):
    """How a share of the ledger was obtained."""

    MEASURED = "measured"
    DERIVED = "derived"
    PREDICTED = "predicted"


@dataclass(frozen=True)
class Share:
    """A part of the measured time."""

    id: str
    """Stable; docs/lag.md lists them."""
    title: str
    time_ms: float
    basis: Basis
    evidence: str
    """Where the figure comes from, in a sentence."""
    low_ms: float | None = None
    """Ends of its 95 % interval; None where the evidence gives none."""
    high_ms: float | None = None


@dataclass(frozen=True)
class Ledger:
    """Shares that add up to the total exactly."""

    subject: str
    """edge, cloud over <network id>, or cloud at <endpoint>; with the mode where not measured."""
    total_ms: float
    """Median of the end-to-end time; the shares sum to it."""
    shares: tuple[Share, ...]
    unavailable: tuple[tuple[str, str], ...] = ()
    """Shares that could not be told apart, with the reason."""
    inconsistent: tuple[tuple[str, str], ...] = ()
    """Shares whose evidence contradicts the measured time, with what was made of them."""

    @property
    def is_edge(self) -> bool:
        """True for the time on the board."""
        return self.subject.startswith(EDGE)


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    WARNING = "warning"
    SEVERE = "severe"


class Confidence(StrEnum):
    """How sure a predicted gain is."""

    HIGH = "high"
    """The change itself, or the part that it takes away, was measured."""
    MEDIUM = "medium"
    """Derived from measured parts by a model."""
    LOW = "low"
    """Known to help elsewhere."""


@dataclass(frozen=True)
class Remedy:
    """What to change, with the command that does it."""

    action: str
    command: str
    """Runs as it stands; empty where a name that it needs is in no record."""
    predicted_gain_ms: float | Unavailable
    confidence: Confidence = Confidence.LOW
    change: Mapping[str, str] = field(default_factory=dict)
    """Settings that ``explain --apply`` can make by itself; empty for what a person has to do."""
    verified_gain_ms: Estimate | Unavailable = NOT_TRIED


@dataclass(frozen=True)
class Finding:
    """A cause of lag, found by a rule."""

    rule: str
    group: str
    """model, hardware or software."""
    title: str
    severity: Severity
    share: float | Unavailable
    """Of the end-to-end time of its subject, 0..1."""
    evidence: str
    source: str
    """Where the rule's threshold comes from."""
    remedies: tuple[Remedy, ...] = ()
    subject: str = EDGE
    """Ledger that the share is of."""
    is_inconsistent: bool = False
    """True when the evidence contradicts itself; no figure of it should be used."""


@dataclass(frozen=True)
class Experiment:
    """One setting changed on the board, measured beside the run that is explained."""

    id: str
    question: str
    """What it tells apart."""
    change: Mapping[str, str]
    base_ms: Estimate
    """Median of the phase with the settings of the run."""
    changed_ms: Estimate
    gain_ms: Estimate
    """Base less changed: positive when the change makes it faster."""
    phase: str
    """The phase of the invocation that is compared: infer or total."""
    told: str
    """The answer in a sentence."""
    cost_s: float
    phase_gains_ms: Mapping[str, float] = field(default_factory=dict)
    """Where the gain of a whole invocation lies: preprocess, infer, postprocess."""


@dataclass(frozen=True)
class Calibration(Record):
    """What the engine reaches on this board, and how fast its memory is."""

    KIND: ClassVar[str] = "edgekit.calibration"

    board: str
    machine: str
    mode: Mode
    engine: str
    engine_version: str
    threads: int
    macs_per_s: Mapping[str, float]
    """Peak multiply-accumulates per second by precision: float32, int8."""
    bandwidth_bytes_per_s: float | Unavailable
    """Of a copy in main memory, read and written bytes both counted."""
    method: str
    elapsed_s: float
    measured_utc: str
    bandwidth_by_bytes: Mapping[str, float] = field(default_factory=dict)
    """The same for smaller sets of data, which caches hold: size in bytes to bytes per second."""

    def bandwidth_at(self, size_bytes: float) -> float:
        """Bandwidth for a working set of that size: of the smallest measured one that holds it."""
        sizes = sorted((int(size), rate) for size, rate in self.bandwidth_by_bytes.items())
        for size, rate in sizes:
            if size >= size_bytes:
                return rate
        whole = self.bandwidth_bytes_per_s
        return 0.0 if isinstance(whole, Unavailable) else whole


@dataclass(frozen=True)
class RooflinePoint:
    """An operation type, or the whole model, against the roof of the board."""

    name: str
    macs: int
    bytes: int
    """Weights and activations that it moves at least."""
    floor_ms: float
    """No implementation on this board is faster."""
    time_ms: float | Unavailable
    """Measured, where operations were profiled or for the whole model."""

    @property
    def intensity(self) -> float:
        """Multiply-accumulates per byte."""
        return self.macs / self.bytes if self.bytes else 0.0


@dataclass(frozen=True)
class Roofline:
    """The board's roof and where the model lies below it.

    Source: Williams, Waterman & Patterson, "Roofline", CACM 52(4), 2009.
    """

    precision: str
    peak_macs_per_s: float
    bandwidth_bytes_per_s: float
    basis: Basis
    """measured: calibrated on the board; predicted: figures of the device profile."""
    source: str
    points: tuple[RooflinePoint, ...]
    """The whole model first, then operation types, longest floor first."""

    @property
    def ridge(self) -> float:
        """Multiply-accumulates per byte at which arithmetic takes over from memory."""
        return self.peak_macs_per_s / self.bandwidth_bytes_per_s


@dataclass(frozen=True)
class AppliedStep:
    """A remedy that was carried out and measured."""

    rule: str
    action: str
    command: str
    change: Mapping[str, str]
    predicted_gain_ms: float | Unavailable
    before_ms: Estimate | Unavailable
    """Median without it, interleaved with the one with it."""
    after_ms: Estimate | Unavailable
    gain_ms: Estimate | Unavailable
    is_kept: bool
    outcome: str
    """kept, rolled back or failed, with the reason."""
    cost_s: float


@dataclass(frozen=True)
class LagReport(Record):
    """The explanation of one measurement and, where given, of cloud trips beside it."""

    KIND: ClassVar[str] = "edgekit.lag_report"
    SCHEMA: ClassVar[int] = 2

    measurement_id: str
    ledgers: tuple[Ledger, ...]
    findings: tuple[Finding, ...]
    """Causes with the most time first, then what is worth knowing."""
    unavailable: tuple[tuple[str, str], ...] = ()
    """Rules that could not judge, with the reason."""
    experiments: tuple[Experiment, ...] = ()
    roofline: Roofline | Unavailable = NOT_CALIBRATED
    steps: tuple[AppliedStep, ...] = ()
    """What ``--apply`` did, in order."""
    target: str = ""
    """The condition that ``--apply`` worked for; empty without one."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What ``--apply`` left in force, other than the run's own settings."""
