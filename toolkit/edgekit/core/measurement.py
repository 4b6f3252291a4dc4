"""Measured latency: raw samples with the conditions beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from edgekit.core.mode import Mode
from edgekit.core.record import Record, Unavailable


@dataclass(frozen=True)
class Estimate:
    """A statistic with its two-sided confidence interval."""

    value: float
    low: float
    high: float
    confidence: float = 0.95


@dataclass(frozen=True)
class Summary:
    """Percentiles of one phase, in milliseconds; those that n does not allow are Unavailable."""

    sample_count: int
    mean_ms: float
    min_ms: float
    max_ms: float
    percentiles_ms: Mapping[str, Estimate | Unavailable]
    """Keys p50, p90, p95, p99, p99.9."""
    effective_sample_count: float
    """Samples left after autocorrelation is accounted for."""


@dataclass(frozen=True)
class Condition:
    """State of the board at one moment of the run."""

    at_ns: int
    """Since the start of the run."""
    temperature_c: float | None = None
    clock_mhz: float | None = None
    throttled: str | None = None
    """Firmware throttle bits, hexadecimal."""
    cpu_pressure_us: int | None = None
    """Running total of /proc/pressure/cpu ``some``."""
    steal_ticks: int | None = None
    load_1min: float | None = None


class Level(StrEnum):
    """How far a validity note goes."""

    INFO = "info"
    WARNING = "warning"
    INVALID = "invalid"


@dataclass(frozen=True)
class ValidityNote:
    """Why a number should, or should not, be trusted."""

    id: str
    """Stable: few-samples, drift, throttled, contention, clock-changed, stand-in, emulated."""
    level: Level
    message: str


@dataclass(frozen=True)
class RunOptions:
    """What was asked of the runner."""

    engine: str
    threads: int
    runs: int
    warmup_runs: int
    min_duration_s: float = 0.0
    max_duration_s: float = 60.0
    variant: str = "copied"
    """copied (fresh input each time, outputs read), bound, or native."""
    input: str = "golden"
    """golden or random."""


@dataclass(frozen=True)
class Measurement(Record):
    """A run of a release on a board."""

    KIND: ClassVar[str] = "edgekit.measurement"

    id: str
    board: str
    profile: str
    app: str
    release: str
    mode: Mode
    machine: str
    """What really ran: processor model and architecture."""
    engine: str
    engine_version: str
    engine_details: Mapping[str, str]
    """Providers, delegates, threads as the engine itself reports them."""
    options: RunOptions
    once_ns: Mapping[str, int]
    """Phases that happen once: import, load, first_inference."""
    samples_ns: Mapping[str, tuple[int, ...]]
    """Per-invocation phases, equal lengths: preprocess, infer, postprocess, total; and
    ``cpu`` (thread CPU time of infer) where one thread ran."""
    starts_ns: tuple[int, ...]
    """Start of each invocation since the start of the run."""
    conditions: tuple[Condition, ...]
    wait_ns: int | Unavailable
    """Time the process waited for a processor during the timed part (run queue)."""
    peak_memory_bytes: int | Unavailable
    timer_overhead_ns: int
    summaries: Mapping[str, Summary]
    validity: tuple[ValidityNote, ...]
    model: Mapping[str, str]
    """name, format, recipe, sha256 of the artifact."""
    wall_s: float
    """Wall time of the whole command on the host."""
    measured_utc: str
    runner_version: str
