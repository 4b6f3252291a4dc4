"""Measured latency: raw samples with the conditions beside them; everything else is derived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar

from edgekit.core.errors import RecordError
from edgekit.core.estimate import Summary, summarize
from edgekit.core.mode import Mode
from edgekit.core.packing import pack_rows, pack_samples, unpack_rows, unpack_samples
from edgekit.core.record import Record, Unavailable, to_plain


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
    memory_pressure_us: int | None = None
    io_pressure_us: int | None = None
    cooling_level: int | None = None
    """Deepest level of the devices that slow the processor down; 0 is full speed."""
    free_memory_mb: int | None = None
    rss_bytes: int | None = None
    voluntary_switches: int | None = None
    """Running totals of the runner's context switches."""
    involuntary_switches: int | None = None
    power_mw: float | None = None
    firmware_clock_mhz: float | None = None
    """These three are read before and after the run only."""
    governor: str | None = None
    power_mode: str | None = None


@dataclass(frozen=True)
class Energy:
    """What a power sensor of the board told over the timed part."""

    source: str
    energy_mj: float
    span_ns: int
    """Between the first and the last reading."""
    readings: int
    is_counter: bool
    """True where the sensor adds up energy itself, so that nothing between readings is missed."""

    @property
    def mean_mw(self) -> float:
        """Mean power."""
        return self.energy_mj / (self.span_ns / 1e9)

    @property
    def readings_hz(self) -> float:
        """How often it was read."""
        return self.readings / (self.span_ns / 1e9)


@dataclass(frozen=True)
class SamplerCost:
    """What it cost to watch the board during the run."""

    cpu_share: float
    """Of one core."""
    interval_s: float
    """Between two readings; it grows by itself where reading is expensive."""
    ticks: int


@dataclass(frozen=True)
class OutputCheck:
    """Invocations before the timing whose outputs were searched for NaN and infinity."""

    checked: int
    bad: int


class Level(StrEnum):
    """How far a validity note goes."""

    INFO = "info"
    WARNING = "warning"
    INVALID = "invalid"


class Stamp(StrEnum):
    """How far a measurement may be trusted, from its notes."""

    VALID = "valid"
    DOUBTFUL = "doubtful"
    INVALID = "invalid"


@dataclass(frozen=True)
class ValidityNote:
    """Why a number should, or should not, be trusted."""

    id: str
    """Stable; see docs/measuring.md."""
    level: Level
    message: str
    cure: str = ""
    """What to change or type so that the next run does not have it."""


def stamp_of(notes: Sequence[ValidityNote]) -> Stamp:
    """The worst note decides: information keeps a measurement valid, a warning makes it doubtful."""
    levels = {note.level for note in notes}
    if Level.INVALID in levels:
        return Stamp.INVALID
    return Stamp.DOUBTFUL if Level.WARNING in levels else Stamp.VALID


@dataclass(frozen=True)
class OutputAgreement:
    """One output on the board against what was expected, over the golden samples."""

    name: str
    samples: int
    max_abs: float
    """Largest absolute difference of real values."""
    cosine: float
    """Lowest cosine similarity of a sample."""
    snr_db: float
    """Signal to noise over all samples, at most 200."""
    top1: float | None
    """Share of samples with the same arg-max; None for a single value."""
    against: str = "original"
    """original (the model before conversion) or host (the artifact on the host's engine)."""


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
    batch: int = 1
    concurrency: int = 1
    """Streams side by side on the board, each with its own session."""
    rate_hz: float = 0.0
    """Scheduled invocations per second; 0 runs one after the other."""
    engine_options: Mapping[str, str] = field(default_factory=dict)
    cores: tuple[int, ...] = ()
    """Processors that the runner keeps to; empty: all."""
    policy: str = ""
    """Name of the policy that chose how long; empty where numbers were given."""
    width_p50: float = 0.0
    """The run may end when half of the 95 % interval of p50 is at most this share of it; 0: never."""
    width_p95: float = 0.0
    """The same of p95."""


@dataclass(frozen=True)
class Measurement(Record):
    """A run of a release on a board."""

    KIND: ClassVar[str] = "edgekit.measurement"
    SCHEMA: ClassVar[int] = 3

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
    """Per-invocation phases, equal lengths: preprocess, infer, postprocess, total; ``cpu``
    (thread CPU time of infer) where one thread ran; with a rate ``lateness`` (start after its
    scheduled moment) and ``response`` (from the scheduled moment to the end); with several streams
    ``stream`` (its number)."""
    starts_ns: tuple[int, ...]
    """Start of each invocation since the start of the run."""
    conditions: tuple[Condition, ...]
    wait_ns: int | Unavailable
    """Time the process waited for a processor during the timed part (run queue)."""
    peak_memory_bytes: int | Unavailable
    timer_overhead_ns: int
    validity: tuple[ValidityNote, ...]
    model: Mapping[str, str]
    """name, format, recipe, sha256 of the artifact."""
    wall_s: float
    """Wall time of the whole command on the host."""
    measured_utc: str
    runner_version: str
    ended: str = ""
    """Why the timed part ended: the precision was reached, the budget was spent, ..."""
    incomplete: str = ""
    """Why samples are missing, where the run broke off; empty for a whole run."""
    placement: Mapping[str, int] = field(default_factory=dict)
    """Operations by where they run: provider, delegate, device."""
    fallback: str = ""
    """What was asked for and is not, or not wholly, in use; empty when all is as asked."""
    outputs: OutputCheck | None = None
    timed_ns: int = 0
    """Wall time of the timed part; 0 when the run broke off."""
    energy: Energy | Unavailable = field(default_factory=lambda: Unavailable("no power sensor"))
    sampler: SamplerCost | None = None
    agreement: tuple[OutputAgreement, ...] = ()
    """Outputs on this board, where they were checked."""

    @cached_property
    def summaries(self) -> Mapping[str, Summary]:
        """Percentiles of every phase, derived from the samples."""
        return {name: summarize(values) for name, values in self.samples_ns.items()}

    @property
    def stamp(self) -> Stamp:
        """How far the numbers may be trusted."""
        return stamp_of(self.validity)

    def stored(self) -> dict[str, Any]:  # Any: JSON
        """Packed samples; stamp and percentiles are written for other readers, never read back."""
        fields: dict[str, Any] = to_plain(replace(self, samples_ns={}, starts_ns=()))  # Any: JSON
        packed, starts = pack_samples(self.samples_ns, self.starts_ns)
        fields |= {"samples_ns": packed, "starts_ns": starts}
        fields["conditions"] = pack_rows(fields["conditions"])
        return fields | {"stamp": self.stamp.value, "summaries": to_plain(self.summaries)}

    @classmethod
    def restored(cls, fields: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
        """Unpacks the samples and leaves out what is derived from them."""
        try:
            samples, starts = unpack_samples(fields["samples_ns"], fields["starts_ns"])
            conditions = unpack_rows(fields["conditions"])
        except KeyError as err:
            raise RecordError(f"{cls.KIND}: missing key {err}") from err
        kept = {key: fields[key] for key in fields if key not in ("stamp", "summaries")}
        return kept | {"samples_ns": samples, "starts_ns": starts, "conditions": conditions}

    @property
    def throughput_hz(self) -> float | None:
        """Samples per second over all streams, batch counted; None when the run broke off."""
        if not self.timed_ns:
            return None
        return len(self.starts_ns) * self.options.batch / (self.timed_ns / 1e9)

    @property
    def energy_per_sample_mj(self) -> float | None:
        """Energy of the whole board per sample; None without a sensor."""
        rate_hz = self.throughput_hz
        if isinstance(self.energy, Unavailable) or not rate_hz:
            return None
        return self.energy.mean_mw / rate_hz
