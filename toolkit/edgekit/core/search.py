"""What an architecture search tried, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar

from edgekit.core.compression import NOT_TIMED, Timing
from edgekit.core.record import Record, Unavailable

NO_SENSOR = Unavailable("no power sensor")
NOT_TRAINED = Unavailable("it was not trained to the end")


class TrialState(StrEnum):
    """How a trial ended."""

    MEASURED = "measured"
    STOPPED = "stopped"
    """It fell behind the others at a rung."""
    FAILED = "failed"
    """The space, the training, the conversion or the board failed; the reason says which."""


@dataclass(frozen=True)
class Trial:
    """One candidate."""

    number: int
    state: TrialState
    parameters: Mapping[str, object]
    reason: str = ""
    accuracy: float | Unavailable = NOT_TRAINED
    """Of what ran: after conversion, where there was one."""
    size_bytes: int | Unavailable = NOT_TRAINED
    timing: Timing | Unavailable = NOT_TIMED
    again_ms: float | None = None
    """p50 of a second measurement, at the end, of what is on the front."""
    energy_mj: float | Unavailable = NO_SENSOR
    violation: float = 0.0
    """By what share the target is missed; 0 when it is met."""
    missed: str = ""
    is_pareto: bool = False
    model: str = ""


@dataclass(frozen=True)
class SearchRecord(Record):
    """A search, rewritten after every trial."""

    KIND: ClassVar[str] = "edgekit.search"

    space: str
    target: str
    where: str
    sampler: str
    seed: int
    trials: tuple[Trial, ...]
    best: int | None
    """The most accurate trial that meets the target; None while there is none."""
    ended: str = ""
    """Why the search ended early; empty when all trials were done."""


def marked(trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """The trials with those marked that none is as good as in everything and better in something."""
    points = {t.number: point(t) for t in trials if point(t) is not None and not t.violation}
    front = {
        number
        for number, ours in points.items()
        if ours is not None
        and not any(theirs is not None and _dominates(theirs, ours) for theirs in points.values())
    }
    return tuple(replace(t, is_pareto=t.number in front) for t in trials)


def point(trial: Trial) -> tuple[float, float, float] | None:
    """Loss of accuracy, milliseconds, bytes: all to be small; None when one is missing."""
    if (
        isinstance(trial.accuracy, Unavailable)
        or isinstance(trial.timing, Unavailable)
        or isinstance(trial.size_bytes, Unavailable)
    ):
        return None
    return 1 - trial.accuracy, trial.timing.p50_ms, float(trial.size_bytes)


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and one != other
