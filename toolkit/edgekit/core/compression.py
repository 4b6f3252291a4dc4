"""What training-time compression did to a model, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from edgekit.core.artifact import DataReport, FileEntry, SourceModel
from edgekit.core.mode import Mode
from edgekit.core.record import Record, Unavailable

NOT_TIMED = Unavailable("it was not timed: no target asks for it, and no --board was given")


@dataclass(frozen=True)
class Timing:
    """How long an inference took, and where."""

    p50_ms: float
    where: str
    """Engine, threads and machine."""
    mode: Mode
    p95_ms: float | None = None
    to_original: float | None = None
    """Share of the original's p50, where both were timed in turns."""


@dataclass(frozen=True)
class Standing:
    """A model at one point of the way."""

    macs: int | Unavailable
    """Multiply-accumulates of convolutions and dense layers at batch 1."""
    parameters: int | Unavailable
    weight_bytes: int
    accuracy: float | Unavailable
    """Share of the judging samples whose highest score is the label."""
    agreement: float | Unavailable
    """Share of the judging samples with the original's answer."""
    timing: Timing | Unavailable = NOT_TIMED

    @property
    def quality(self) -> float | Unavailable:
        """Accuracy where there are labels, else agreement."""
        return self.agreement if isinstance(self.accuracy, Unavailable) else self.accuracy


@dataclass(frozen=True)
class CompressionStep:
    """One step: what was done, what it gained and what it cost."""

    kind: str
    """prune, distill, int8-aware or quantize."""
    after: Standing
    elapsed_s: float
    parameters: Mapping[str, object] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Compression(Record):
    """The card beside a compressed model (``compression.json``)."""

    KIND: ClassVar[str] = "edgekit.compression"

    name: str
    source: SourceModel
    target: str
    missed: str
    """By what the target or the allowed drop is missed; empty when both hold."""
    files: tuple[FileEntry, ...]
    original: Standing
    steps: tuple[CompressionStep, ...]
    data: tuple[DataReport, ...]
    judged_count: int
    """Samples that judged every standing; none of them trained."""
    seed: int
    tools: Mapping[str, str]
    command: str = ""
    created_utc: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def result(self) -> Standing:
        """The model in this folder."""
        return self.steps[-1].after if self.steps else self.original
