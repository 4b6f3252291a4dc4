"""Runs of the same thing over time, each against the one before. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from edgekit.core.difference import FigureChange, Judgement
from edgekit.core.measurement import Measurement
from edgekit.core.record import Record
from edgekit.measure.differences import change_of


@dataclass(frozen=True)
class Subject:
    """What stays the same along a line of the history."""

    model: str
    recipe: str
    board: str
    machine: str
    mode: str
    engine: str
    threads: int
    batch: int
    load: str
    """Rate and streams."""

    @property
    def name(self) -> str:
        """How it is called in a heading."""
        parts = [f"{self.model} {self.recipe} on {self.board}", self.engine]
        parts.append(f"{self.threads} threads")
        if self.batch > 1:
            parts.append(f"batch {self.batch}")
        if self.load:
            parts.append(self.load)
        return ", ".join(parts) + ("" if self.mode == "measured" else f" [{self.mode}]")


@dataclass(frozen=True)
class Entry:
    """One run."""

    measurement: str
    measured_utc: str
    engine_version: str
    stamp: str
    p50_ms: float
    against_previous: FigureChange | None
    """Median against the run before; None for the first."""
    against_best: FigureChange | None
    """Median against the fastest valid run so far; None for the first."""

    @property
    def is_regression(self) -> bool:
        """Slower than the best so far, for sure and by more than the margin of sameness."""
        found = self.against_best
        return found is not None and found.judgement is Judgement.WORSE


@dataclass(frozen=True)
class Line:
    """A subject's runs in the order in which they were measured."""

    subject: Subject
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class History(Record):
    """Every subject of a folder of records."""

    KIND: ClassVar[str] = "edgekit.history"

    lines: tuple[Line, ...]
    left_out: tuple[str, ...] = ()
    """Files that were no readable records, with the reason."""

    @property
    def regressions(self) -> tuple[tuple[Subject, Entry], ...]:
        """Subjects whose last run is a regression."""
        return tuple(
            (line.subject, line.entries[-1])
            for line in self.lines
            if line.entries[-1].is_regression
        )


def history_of(measurements: Iterable[Measurement]) -> tuple[Line, ...]:
    """One line per subject, by name; a run that is there twice counts once."""
    lines: dict[Subject, dict[str, Measurement]] = {}
    for measurement in measurements:
        if not measurement.incomplete:
            lines.setdefault(subject_of(measurement), {})[measurement.id] = measurement
    found = (
        Line(subject, tuple(_entries(sorted(runs.values(), key=lambda m: (m.measured_utc, m.id)))))
        for subject, runs in lines.items()
    )
    return tuple(sorted(found, key=lambda line: line.subject.name))


def subject_of(m: Measurement) -> Subject:
    """What has to be equal for two runs to be of the same thing."""
    options = m.options
    parts = [f"{options.rate_hz:g}/s" if options.rate_hz else ""]
    parts.append(f"{options.concurrency} streams" if options.concurrency > 1 else "")
    return Subject(
        m.model["name"],
        m.model["recipe"],
        m.board,
        m.machine,
        m.mode.value,
        m.engine,
        options.threads,
        options.batch,
        ", ".join(filter(None, parts)),
    )


def _entries(runs: list[Measurement]) -> Iterable[Entry]:
    best: Measurement | None = None
    previous: Measurement | None = None
    for run in runs:
        p50_ms = _median_ms(run)
        yield Entry(
            run.id,
            run.measured_utc,
            run.engine_version,
            run.stamp.value,
            p50_ms,
            _against(previous, run),
            _against(best, run),
        )
        previous = run
        if best is None or p50_ms < _median_ms(best):
            best = run


def _against(other: Measurement | None, run: Measurement) -> FigureChange | None:
    return None if other is None else change_of("p50", (other,), (run,), "total", 0.5)


def _median_ms(run: Measurement) -> float:
    ordered = sorted(run.samples_ns["total"])
    return ordered[len(ordered) // 2] / 1e6
