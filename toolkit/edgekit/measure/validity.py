"""Should a number be trusted? Notes with cause and cure, from samples and conditions. Pure.

The worst note stamps the measurement valid, doubtful or invalid (edgekit.core.measurement).
docs/measuring.md lists every note with its threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from edgekit.core.board import BoardFacts
from edgekit.core.measurement import Condition, Level, ValidityNote
from edgekit.core.record import Unavailable
from edgekit.measure.stats import Course, Kind, course_of, median, minimum_count, period_of

CHANGE_SHARE = 0.05
"""Change over a run that matters: half of the smallest speed-up that people act on."""
SWING_SHARE = 0.05
WAIT_SHARE = 0.05
PRESSURE_SHARE = 0.1
"""Of the time some task waited for a processor: idle machines show 2 %, three hogs 60 %."""
STEAL_SHARE = 0.02
"""Of one processor's time, taken away by a hypervisor."""
CLOCK_SHARE = 0.05
THROTTLE_NOW = 0xF
"""Bits 0-3: under-voltage, frequency capped, throttled, soft limit. Source: vcgencmd manual."""
TICKS_PER_S = 100
"""USER_HZ of every Linux that edgekit meets."""
SLOW_GOVERNORS = ("powersave", "conservative")
"""They keep the clock low or raise it late. Source: kernel documentation, cpufreq governors."""


def judge_samples(
    total_ns: Sequence[int], starts_ns: Sequence[int] = (), *, warmup_runs: int = 0
) -> list[ValidityNote]:
    """Too few samples, a clock that jumps, a course that is not steady, a period.

    Args:
        total_ns: time of each invocation, in order.
        starts_ns: start of each invocation, as long, where known.
        warmup_runs: invocations before the first sample.
    """
    broken = any(value < 0 for value in total_ns) or any(b < a for a, b in pairwise(starts_ns))
    if broken:
        return [
            _note(
                "clock",
                Level.INVALID,
                "the board's clock ran backwards during the run",
                "check the clock source: cat /sys/devices/system/clocksource/*/current_clocksource",
            )
        ]
    notes = list(_judge_count(len(total_ns)))
    values = [float(value) for value in total_ns]
    course = course_of(values, starts_ns)
    notes += _judge_course(course, warmup_runs)
    if course.kind is Kind.STEADY:
        notes += _judge_period(values, starts_ns)
    return notes


def _judge_count(count: int) -> Iterator[ValidityNote]:
    if count < minimum_count(0.5):
        text = f"{count} samples do not even bound the median; {minimum_count(0.5)} would"
        yield _note("few-samples", Level.WARNING, text, "more time: --max-seconds 300")
    elif count < minimum_count(0.95):
        text = f"{count} samples do not bound p95; {minimum_count(0.95)} would"
        yield _note("few-samples", Level.INFO, text, "more time: --max-seconds 300")


def _judge_course(course: Course, warmup_runs: int) -> Iterator[ValidityNote]:
    change = f"{abs(course.change):.0%}"
    levels = [segment.level for segment in course.segments]
    if abs(course.change) <= CHANGE_SHARE and max(levels) < min(levels) * (1 + CHANGE_SHARE):
        return
    if course.kind is Kind.DRIFT:
        direction = "slower" if course.change > 0 else "faster"
        speed = f", {abs(course.per_minute):.1%} per minute" if course.per_minute else ""
        yield _note(
            "drift",
            Level.WARNING,
            f"the run got {change} {direction} from begin to end{speed}",
            "let the board cool down and use a fan, or look at the end: --duration 30min",
        )
    elif course.kind is Kind.WARM_UP:
        begin = course.segments[-1].begin
        yield _note(
            "warm-up",
            Level.WARNING,
            f"the first {begin} invocations were up to {max(levels) / levels[-1] - 1:.0%} slower",
            f"warm up longer: --warmup-runs {warmup_runs + begin}",
        )
    elif course.kind is Kind.STEP_UP:
        yield _note(
            "step",
            Level.WARNING,
            f"the board became {change} slower at invocation {course.segments[-1].begin}",
            "cool the board and stop other work on it, then run again",
        )
    elif course.kind in (Kind.STEP_DOWN, Kind.UNSTEADY):
        yield _note(
            "unsteady",
            Level.WARNING,
            f"the time moved between {len(levels)} levels, {max(levels) / min(levels) - 1:.0%} apart",
            "stop other work on the board, then run longer: --policy strict",
        )


def _judge_period(values: Sequence[float], starts_ns: Sequence[int]) -> Iterator[ValidityNote]:
    period = period_of(values, starts_ns)
    if period is None or period.swing <= SWING_SHARE:
        return
    length = f"{period.samples:.3g} invocations"
    if period.seconds:
        length += f" ({period.seconds * 1e3:.3g} ms)"
    yield _note(
        "periodic",
        Level.WARNING,
        f"something slows the run by up to {period.swing:.0%} every {length}",
        "look for a timer or daemon of that period on the board: top, systemctl list-timers",
    )


def judge_conditions(
    conditions: Sequence[Condition], wait_ns: int | Unavailable, busy_ns: int
) -> list[ValidityNote]:
    """Throttling, changing clocks, other load on the board.

    Args:
        conditions: in time order.
        wait_ns: time that the process waited for a processor.
        busy_ns: time of the timed part, times the threads that could have waited.
    """
    notes = []
    bits = [int(c.throttled, 16) for c in conditions if c.throttled]
    if any(value & THROTTLE_NOW for value in bits):
        notes.append(
            _note(
                "throttled",
                Level.INVALID,
                f"the firmware slowed the board down during the run (bits {max(bits):#x})",
                "cool the board and give it a stronger power supply, then run again",
            )
        )
    clocks = [c.clock_mhz for c in conditions if c.clock_mhz]
    if clocks and (max(clocks) - min(clocks)) / median(clocks) > CLOCK_SHARE:
        notes.append(
            _note(
                "clock-changed",
                Level.WARNING,
                f"the clock moved between {min(clocks):.0f} and {max(clocks):.0f} MHz",
                "hold it: echo performance | sudo tee "
                "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
            )
        )
    stolen = _share(conditions, [c.steal_ticks for c in conditions], 1e9 / TICKS_PER_S)
    if stolen > STEAL_SHARE:
        notes.append(
            _note(
                "steal",
                Level.WARNING,
                f"the hypervisor took away {stolen:.0%} of a processor during the run",
                "measure on a machine that is not shared",
            )
        )
    return [*notes, *_judge_contention(conditions, wait_ns, busy_ns)]


def _judge_contention(
    conditions: Sequence[Condition], wait_ns: int | Unavailable, busy_ns: int
) -> Iterator[ValidityNote]:
    pressure = _share(conditions, [c.cpu_pressure_us for c in conditions], 1e3)
    cure = "stop other work on the board (top shows it), or use fewer threads: --threads 1"
    if isinstance(wait_ns, int) and busy_ns > 0 and wait_ns / busy_ns > WAIT_SHARE:
        share = wait_ns / busy_ns
        text = f"the process waited for a processor during {share:.0%} of the run"
        yield _note("contention", Level.WARNING, text, cure)
    elif not isinstance(wait_ns, int) and pressure > PRESSURE_SHARE:
        text = f"tasks of the board waited for a processor during {pressure:.0%} of the run"
        yield _note("contention", Level.WARNING, text, cure)


def judge_board(facts: BoardFacts, misfits: Sequence[str], *, profile: str) -> list[ValidityNote]:
    """The board is another one than its profile says, or its governor holds it back.

    Args:
        facts: what the board says.
        misfits: why it is not what the profile says, each a clause about ``it``.
        profile: id of that profile.
    """
    notes = []
    if misfits:
        notes.append(
            _note(
                "wrong-board",
                Level.INVALID,
                f"the board is no {profile}: {'; '.join(misfits)}",
                "name its profile: edgekit boards probe BOARD",
            )
        )
    if facts.governor in SLOW_GOVERNORS:
        notes.append(
            _note(
                "governor",
                Level.WARNING,
                f"the clock governor is {facts.governor}: the processor is not at its full speed",
                "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
            )
        )
    return notes


def judge_machine(
    *, stand_in: bool, emulated: bool, machine: str, profile: str
) -> list[ValidityNote]:
    """What really ran is said beside every number."""
    notes = []
    if stand_in:
        notes.append(
            _note(
                "stand-in",
                Level.WARNING,
                f"measured on {machine}, which stands in for a {profile}: the figures are this "
                "machine's, not the board's",
                f"measure on a real one: edgekit boards add NAME --profile {profile}",
            )
        )
    if emulated:
        notes.append(
            _note(
                "emulated",
                Level.WARNING,
                f"measured on an emulated machine ({machine}): only ratios mean something",
                "compare it with other emulated runs only, or measure on a real board",
            )
        )
    return notes


def judge_incomplete(reason: str) -> list[ValidityNote]:
    """A run that broke off; what arrived is kept.

    Args:
        reason: why it broke off, a clause; empty for a whole run.
    """
    if not reason:
        return []
    text = f"the run broke off: {reason}"
    return [_note("incomplete", Level.INVALID, text, "run the same command again")]


def worst(notes: Sequence[ValidityNote]) -> ValidityNote | None:
    """The note that stamps: the first invalid one, else the first warning, else None."""
    for level in (Level.INVALID, Level.WARNING):
        for note in notes:
            if note.level is level:
                return note
    return None


def _note(name: str, level: Level, message: str, cure: str) -> ValidityNote:
    return ValidityNote(name, level, message, cure)


def _share(
    conditions: Sequence[Condition], readings: Sequence[int | None], unit_ns: float
) -> float:
    """Growth of a running total over the run, as a share of its time."""
    known = [(c.at_ns, r) for c, r in zip(conditions, readings, strict=True) if r is not None]
    if len(known) < 2 or known[-1][0] <= known[0][0]:
        return 0.0
    return (known[-1][1] - known[0][1]) * unit_ns / (known[-1][0] - known[0][0])
