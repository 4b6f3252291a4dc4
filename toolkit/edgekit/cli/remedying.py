"""``explain --apply``: carries remedies out, measures each, keeps what is surely faster."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgekit.cli.investigating import Investigation
from edgekit.cli.reconverting import (
    RECIPE,
    can_reconvert,
    measure_beside,
    put_in_force,
    reconvert,
)
from edgekit.cli.target_condition import TargetCondition
from edgekit.core.errors import EdgekitError, GateFailed
from edgekit.core.estimate import Estimate
from edgekit.core.lag import AppliedStep, Finding, LagReport, Remedy
from edgekit.core.record import Unavailable
from edgekit.core.units import format_interval_ms

if TYPE_CHECKING:
    from edgekit.core.measurement import Measurement, RunOptions

ROUNDS = 3
SETTINGS = ("threads", "engine", "variant", "batch", "concurrency", "cores")
"""Changes of a run that harm nothing and are undone by not making them again."""
MEASURED_IN = "total"


@dataclass(frozen=True)
class Candidate:
    """A remedy that can be carried out now."""

    finding: Finding
    remedy: Remedy

    @property
    def gain_ms(self) -> float:
        """What it promises; nothing where nobody knows."""
        gain = self.remedy.predicted_gain_ms
        return 0.0 if isinstance(gain, Unavailable) else gain


def apply_remedies(
    investigation: Investigation, report: LagReport, condition: TargetCondition | None
) -> LagReport:
    """Carries out one remedy after the other until the target holds, nothing promises more, or
    the budget is spent; gives the last report with every step.
    """
    steps: list[AppliedStep] = []
    tried: list[Mapping[str, str]] = []
    settings: dict[str, str] = {}
    current = report
    while True:
        measured = investigation.measured
        assert measured
        if condition and condition.holds(measured):
            investigation.output.note(f"the target holds: {condition.describe(measured)}")
            break
        candidate = next_candidate(current, measured.options, tried, _allowed(investigation))
        if candidate is None or investigation.left_s <= 0:
            why = "no remedy promises more" if candidate is None else "the budget is spent"
            investigation.output.note(why)
            break
        tried.append(candidate.remedy.change)
        step = carry_out(investigation, candidate)
        steps.append(step)
        investigation.output.note(f"{candidate.remedy.action}: {step.outcome}")
        if step.is_kept:
            settings |= candidate.remedy.change
            current = _look_again(investigation, candidate.remedy.change)
    done = replace(current, steps=tuple(steps), settings=settings)
    done = replace(done, target=condition.text if condition else "")
    return with_verified(done, steps)


def _allowed(investigation: Investigation) -> tuple[str, ...]:
    """Recipes that the artifact can be converted to again."""
    card = investigation.known.artifact if investigation.known else None
    recipes = ("int8-static", "int8-dynamic")
    return tuple(name for name in recipes if not can_reconvert(card, name))


def next_candidate(
    report: LagReport,
    options: RunOptions,
    tried: Sequence[Mapping[str, str]],
    recipes: Sequence[str] = (),
) -> Candidate | None:
    """The remedy with the largest promised gain that changes settings of the run, or the recipe.

    Args:
        report: with its findings.
        options: that the run has now.
        tried: changes that were carried out already.
        recipes: that the artifact can be converted to again.
    """
    from edgekit.measure.trials import with_change

    found = [
        Candidate(finding, remedy)
        for finding in report.findings
        for remedy in finding.remedies
        if remedy.change
        and remedy.change not in tried
        and not finding.is_inconsistent
        and (
            remedy.change.get(RECIPE) in recipes
            if RECIPE in remedy.change
            else _is_setting(remedy.change) and with_change(options, remedy.change) != options
        )
    ]
    promising = [candidate for candidate in found if candidate.gain_ms > 0]
    return max(promising, key=lambda candidate: candidate.gain_ms, default=None)


def _is_setting(change: Mapping[str, str]) -> bool:
    return all(name in SETTINGS or name.startswith("engine_option.") for name in change)


def carry_out(investigation: Investigation, candidate: Candidate) -> AppliedStep:
    """Measures with and without the change in turn; kept when the gain is surely above 0."""
    begin = time.perf_counter()
    try:
        if RECIPE in candidate.remedy.change:
            made = reconvert(investigation, candidate.remedy.change[RECIPE])
            before, after = measure_beside(investigation, made, ROUNDS)
        else:
            before, after = _in_turn(investigation, candidate.remedy.change)
    except EdgekitError as err:
        return _step(candidate, f"failed: {err.message}", time.perf_counter() - begin)
    medians = verified(before, after)
    cost_s = time.perf_counter() - begin
    if isinstance(medians, Unavailable):
        return _step(candidate, f"rolled back: {medians.reason}", cost_s)
    gain = medians[2]
    shown = format_interval_ms(gain.value, gain.low, gain.high)
    if gain.low <= 0:
        return _step(candidate, f"rolled back: it gained {shown}", cost_s, medians)
    return _step(candidate, f"kept: it gained {shown}", cost_s, medians)


def _in_turn(
    investigation: Investigation, change: Mapping[str, str]
) -> tuple[list[Measurement], list[Measurement]]:
    """Runs without and with a change of settings."""
    from edgekit.measure.experimenting import brief
    from edgekit.measure.trials import with_change

    measured = investigation.measured
    assert measured
    base = brief(measured.options)
    changed = with_change(base, change)
    before: list[Measurement] = []
    after: list[Measurement] = []
    for number in range(ROUNDS):
        turns = [(base, before), (changed, after)]
        for options, side in turns if number % 2 == 0 else reversed(turns):
            side.append(investigation.run(options))
    return before, after


def verified(
    before: Sequence[Measurement], after: Sequence[Measurement]
) -> tuple[Estimate, Estimate, Estimate] | Unavailable:
    """Medians before and after, and the gain with an interval over all rounds."""
    from edgekit.core.units import NS_PER_MS
    from edgekit.measure.experimenting import gain_of, median_of

    sides = [
        [[v / NS_PER_MS for v in m.samples_ns[MEASURED_IN]] for m in side]
        for side in (before, after)
    ]
    first, second = (median_of(side) for side in sides)
    if isinstance(first, Unavailable):
        return first
    if isinstance(second, Unavailable):
        return second
    return first, second, gain_of(sides[0], sides[1], first, second)


def _step(
    candidate: Candidate,
    outcome: str,
    cost_s: float,
    medians: tuple[Estimate, Estimate, Estimate] | None = None,
) -> AppliedStep:
    unknown = Unavailable(outcome)
    before, after, gain = medians or (unknown, unknown, unknown)
    return AppliedStep(
        candidate.finding.rule,
        candidate.remedy.action,
        candidate.remedy.command,
        candidate.remedy.change,
        candidate.remedy.predicted_gain_ms,
        before,
        after,
        gain,
        outcome.startswith("kept"),
        outcome,
        round(cost_s, 2),
    )


def _look_again(investigation: Investigation, change: Mapping[str, str]) -> LagReport:
    """A whole run with the change in force, and what else could help then."""
    from edgekit.measure.trials import with_change

    before = investigation.measured
    assert before
    assert investigation.known
    if RECIPE in change:
        folder = investigation.targets.folder
        put_in_force(investigation, folder.with_name(f"{folder.name}-{change[RECIPE]}"))
        engine = investigation.target().deployment.engine
        investigation.measure(replace(before.options, engine=engine))
    else:
        investigation.measure(with_change(before.options, change))
    kept = tuple(e for e in investigation.known.experiments if e.id == "rtt-added")
    investigation.known = replace(investigation.known, experiments=kept)
    if {"engine", "threads", "batch", RECIPE} & set(change):
        investigation.know_again()
    if investigation.left_s > 0:
        investigation.experiment()
    return investigation.explain()


def with_verified(report: LagReport, steps: Sequence[AppliedStep]) -> LagReport:
    """The report whose remedies carry the gain that was verified."""
    gains = {tuple(sorted(step.change.items())): step.gain_ms for step in steps}

    def marked(remedy: Remedy) -> Remedy:
        found = gains.get(tuple(sorted(remedy.change.items())))
        return remedy if found is None else replace(remedy, verified_gain_ms=found)

    findings = tuple(
        replace(finding, remedies=tuple(marked(remedy) for remedy in finding.remedies))
        for finding in report.findings
    )
    return replace(report, findings=findings)


def require_target(condition: TargetCondition, measured: Measurement, report: LagReport) -> None:
    """The target holds in the end.

    Raises:
        GateFailed: it does not.
    """
    if condition.holds(measured):
        return
    rest = next((f for f in report.findings if f.remedies and f.remedies[0].command), None)
    hint = (
        f"what is left: {rest.remedies[0].command}"
        if rest
        else "a smaller model, or a faster board"
    )
    raise GateFailed(
        f"the target was missed: {condition.describe(measured)}",
        hint=hint,
        details={"kept": [step.action for step in report.steps if step.is_kept]},
    )
