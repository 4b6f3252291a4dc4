"""Carries experiments out: base and changed settings in turn, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum, hypot

from edgekit.core.errors import EdgekitError
from edgekit.core.estimate import Estimate
from edgekit.core.lag import Experiment
from edgekit.core.measurement import Measurement, RunOptions
from edgekit.core.record import Unavailable
from edgekit.core.units import NS_PER_MS, format_ms
from edgekit.measure.stats import difference_of, median, percentile, rank_interval
from edgekit.measure.trials import TOTAL, Trial, affordable, with_change

RUNS, LEAST_S, MOST_S = 30, 0.3, 2.0
"""Of one launch: enough samples to bound the median."""
ROUNDS = 2
PHASES = ("preprocess", "infer", "postprocess")

Run = Callable[[RunOptions], Measurement]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What was tried, and what could not be."""

    experiments: tuple[Experiment, ...]
    failed: tuple[tuple[str, str], ...]
    """Trials that the board refused, with the reason."""
    left_out: tuple[str, ...]
    """Trials that the budget did not pay for."""


def experiment(
    run: Run,
    options: RunOptions,
    trials: Sequence[Trial],
    *,
    budget_s: float,
    progress: Progress = lambda message: None,
) -> Outcome:
    """Measures base and trials in turn: each round holds every one once, in alternating order.

    Args:
        run: measures with some options on the board.
        options: of the run that is explained.
        trials: the most informative first.
        budget_s: for everything.
        progress: receives a line per experiment.
    """
    base_options = brief(options)
    started = time.perf_counter()
    base = [run(base_options)]
    launch_s = time.perf_counter() - started
    chosen = affordable(trials, budget_s=budget_s - launch_s, launch_s=launch_s, rounds=ROUNDS)
    measured: dict[str, list[Measurement]] = {trial.id: [] for trial in chosen}
    costs: dict[str, float] = dict.fromkeys(measured, 0.0)
    failed: dict[str, str] = {}
    for number in range(ROUNDS):
        if number:
            base.append(run(base_options))
        for trial in chosen if number % 2 == 0 else reversed(chosen):
            spent_s = time.perf_counter() - started
            if trial.id in failed or (spent_s > budget_s and not measured[trial.id]):
                continue
            begin = time.perf_counter()
            try:
                measured[trial.id].append(run(with_change(base_options, trial.change)))
            except EdgekitError as err:
                failed[trial.id] = err.message
            costs[trial.id] += time.perf_counter() - begin
    found = []
    for trial in chosen:
        if trial.id in failed or not measured[trial.id]:
            continue
        made = compare_launches(trial, base, measured[trial.id], cost_s=costs[trial.id])
        if isinstance(made, Unavailable):
            failed[trial.id] = made.reason
            continue
        progress(f"  {made.told} ({made.cost_s:.1f} s)")
        found.append(made)
    missing = tuple(t.id for t in trials if t not in chosen)
    return Outcome(tuple(found), tuple(failed.items()), missing)


def brief(options: RunOptions) -> RunOptions:
    """The same settings for a short launch that bounds its median."""
    return replace(
        options,
        runs=RUNS,
        warmup_runs=min(options.warmup_runs, 10),
        min_duration_s=LEAST_S,
        max_duration_s=MOST_S if not options.rate_hz else max(MOST_S, 12 / options.rate_hz),
        policy="",
        width_p50=0.0,
        width_p95=0.0,
    )


def compare_launches(
    trial: Trial,
    base: Sequence[Measurement],
    changed: Sequence[Measurement],
    *,
    cost_s: float,
) -> Experiment | Unavailable:
    """The experiment's record: medians, the gain, and an interval that holds all rounds."""
    rounds = min(len(base), len(changed))
    sides = [[_phase_ms(m, trial.phase) for m in side[:rounds]] for side in (base, changed)]
    pooled = [median_of(side) for side in sides]
    for estimate in pooled:
        if isinstance(estimate, Unavailable):
            return estimate
    before, after = (e for e in pooled if isinstance(e, Estimate))
    gain = gain_of(sides[0], sides[1], before, after)
    told = (
        f"{trial.id}: {format_ms(before.value)} becomes {format_ms(after.value)} "
        f"({trial.phase}; {trial.question})"
    )
    return Experiment(
        trial.id,
        trial.question,
        dict(trial.change),
        before,
        after,
        gain,
        trial.phase,
        told,
        round(cost_s, 2),
        _phase_gains(base, changed) if trial.phase == TOTAL else {},
    )


def _phase_gains(base: Sequence[Measurement], changed: Sequence[Measurement]) -> dict[str, float]:
    """Mean over rounds of what each phase's median gained."""
    rounds = min(len(base), len(changed))
    return {
        phase: fsum(
            median(_phase_ms(base[i], phase)) - median(_phase_ms(changed[i], phase))
            for i in range(rounds)
        )
        / rounds
        for phase in PHASES
    }


def median_of(launches: Sequence[Sequence[float]]) -> Estimate | Unavailable:
    """The mean of the launches' medians, as gains are; bounded as if samples were independent.

    That they are not shows between rounds, and :func:`gain_of` adds that scatter.
    """
    ordered = sorted(value for launch in launches for value in launch)
    ranks = rank_interval(len(ordered), 0.5)
    if ranks is None:
        return Unavailable(f"{len(ordered)} samples cannot bound a median")
    low, high = (percentile(ordered, rank) for rank in ranks)
    value = fsum(median(launch) for launch in launches) / len(launches)
    return Estimate(value, min(low, value), max(high, value))


def gain_of(
    before: Sequence[Sequence[float]],
    after: Sequence[Sequence[float]],
    pooled_before: Estimate,
    pooled_after: Estimate,
) -> Estimate:
    """Before less after: the mean over rounds, with the scatter between and within launches."""
    rounds = min(len(before), len(after))
    gains = [median(before[i]) - median(after[i]) for i in range(rounds)]
    value = fsum(gains) / rounds
    within = difference_of(pooled_before, pooled_after)
    spread = (max(gains) - min(gains)) / 2 if rounds > 1 else 0.0
    half = hypot((within.high - within.low) / 2, spread)
    return Estimate(value, value - half, value + half)


def _phase_ms(measured: Measurement, phase: str) -> list[float]:
    return [value / NS_PER_MS for value in measured.samples_ns[phase]]


def settled(options: RunOptions, changes: Sequence[Mapping[str, str]]) -> RunOptions:
    """The options with every change in turn."""
    for change in changes:
        options = with_change(options, change)
    return options
