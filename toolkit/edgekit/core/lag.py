"""Where the time goes, why, and what to change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from edgekit.core.record import Record, Unavailable


class Basis(StrEnum):
    """How a share of the ledger was obtained."""

    MEASURED = "measured"
    DERIVED = "derived"
    PREDICTED = "predicted"


@dataclass(frozen=True)
class Share:
    """A part of the measured time."""

    id: str
    """Stable: preprocess, engine-compute, postprocess, waiting, encode, transfer-up, network-rtt,
    server-preprocess, server-queue, server-compute, server-encode, transfer-down, decode,
    unexplained."""
    title: str
    time_ms: float
    basis: Basis
    evidence: str
    """Where the figure comes from, in a sentence."""


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


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    WARNING = "warning"
    SEVERE = "severe"


@dataclass(frozen=True)
class Remedy:
    """What to change, with the command that does it."""

    action: str
    command: str
    predicted_gain_ms: float | Unavailable
    verified_gain_ms: float | Unavailable


@dataclass(frozen=True)
class Finding:
    """A cause of lag, found by a rule."""

    rule: str
    group: str
    """model, hardware or software."""
    title: str
    severity: Severity
    share: float | Unavailable
    """Of the end-to-end time, 0..1."""
    evidence: str
    source: str
    """Where the rule's threshold comes from."""
    remedies: tuple[Remedy, ...] = ()


@dataclass(frozen=True)
class LagReport(Record):
    """The explanation of one measurement and, where given, of cloud trips beside it."""

    KIND: ClassVar[str] = "edgekit.lag_report"

    measurement_id: str
    ledgers: tuple[Ledger, ...]
    findings: tuple[Finding, ...]
    """Most time first."""
    unavailable: tuple[tuple[str, str], ...] = ()
    """Rules that could not judge, with the reason."""
