"""Which experiments tell causes apart, and in what order of worth. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgekit.core.artifact import ModelArtifact
from edgekit.core.board import BoardFacts
from edgekit.core.measurement import Measurement, RunOptions
from edgekit.core.profile import DeviceProfile
from edgekit_runner import engines

OPTION = "engine_option."
INFER, TOTAL = "infer", "total"
BEST_OPTIMIZATION = {"optimization": "all", "delegate": "xnnpack"}
MOST_THREADS = 64
SENDING_S = 20.0
"""A set of wheels is 30 to 60 MB: this long at 20 to 30 Mbit/s, and less where it lies already."""


@dataclass(frozen=True)
class Trial:
    """One setting to change, and what that tells apart."""

    id: str
    question: str
    change: Mapping[str, str]
    phase: str
    worth: float
    """Order in which a budget is spent: how often such a cause is the answer, and how large."""
    extra_s: float = 0.0
    """Once, beside the launches: another engine has to be sent."""


def with_change(options: RunOptions, change: Mapping[str, str]) -> RunOptions:
    """The options with some settings changed; unknown ones belong to others.

    Example:
        >>> base = RunOptions("onnxruntime", 4, 300, 20)
        >>> with_change(base, {"threads": "1", "engine_option.spinning": "off"}).engine_options
        {'spinning': 'off'}
    """
    extra = {k.removeprefix(OPTION): v for k, v in change.items() if k.startswith(OPTION)}
    numbers = {k: int(change[k]) for k in ("threads", "batch", "concurrency") if k in change}
    words = {k: change[k] for k in ("variant", "engine") if k in change}
    changed = replace(options, engine_options={**options.engine_options, **extra})
    if "rate_hz" in change:
        changed = replace(changed, rate_hz=float(change["rate_hz"]))
    if "cores" in change:
        changed = replace(changed, cores=tuple(int(c) for c in change["cores"].split(",")))
    if "engine" in words and words["engine"] != options.engine:
        changed = replace(changed, engine_options=extra)
    changed = replace(changed, **words)  # type: ignore[arg-type]  # two str fields
    return replace(changed, **numbers)  # type: ignore[arg-type]  # three int fields


def plan_trials(
    measured: Measurement,
    card: ModelArtifact,
    facts: BoardFacts,
    profile: DeviceProfile,
) -> tuple[Trial, ...]:
    """Every experiment that can tell something about this run, the most informative first."""
    options = measured.options
    found = [
        *_inputs(options),
        *_engine_options(options),
        *_threads(options, facts),
        *_engines(options, card),
        *_batches(options, card),
        *_load(options),
        *_cores(options, facts, profile),
    ]
    return tuple(sorted(found, key=lambda trial: (-trial.worth, trial.id)))


def _inputs(options: RunOptions) -> list[Trial]:
    known = engines.find_engine(options.engine).VARIANTS
    if options.variant != "copied":
        return []
    found = []
    if "native" in known:
        text = "fresh inputs that are copied, against inputs in place"
        found.append(Trial("inputs-in-place", text, {"variant": "native"}, INFER, 0.8))
    if "bound" in known:
        text = "the engine's plain interface, against its own memory"
        found.append(Trial("inputs-bound", text, {"variant": "bound"}, TOTAL, 0.35))
    return found


def _engine_options(options: RunOptions) -> list[Trial]:
    known = engines.find_engine(options.engine).OPTIONS
    chosen = options.engine_options
    found = []
    lowered = {
        f"{OPTION}{name}": best
        for name, best in BEST_OPTIMIZATION.items()
        if name in known and chosen.get(name, best) != best
    }
    if lowered:
        text = "the graph as it is, against the engine's full optimization"
        found.append(Trial("optimized", text, lowered, TOTAL, 1.0))
    if "denormals" in known and chosen.get("denormals", "keep") == "keep":
        text = "denormal numbers computed, against flushed to zero"
        found.append(Trial("denormals-zero", text, {OPTION + "denormals": "zero"}, TOTAL, 0.9))
    is_threaded = options.threads * options.concurrency > 1
    if "spinning" in known and chosen.get("spinning", "on") == "on" and is_threaded:
        text = "threads that spin while they wait, against threads that sleep"
        found.append(Trial("spinning-off", text, {OPTION + "spinning": "off"}, TOTAL, 0.6))
    return found


def _threads(options: RunOptions, facts: BoardFacts) -> list[Trial]:
    found = []
    threads = options.threads * options.concurrency
    if threads > facts.cpu_count:
        fit = str(max(facts.cpu_count // options.concurrency, 1))
        text = "more threads than processors, against as many"
        found.append(Trial("threads-fit", text, {"threads": fit}, TOTAL, 1.0))
    counts = {1, facts.cpu_count}
    step = 2
    while step < min(facts.cpu_count, MOST_THREADS):
        counts.add(step)
        step *= 2
    for count in sorted(counts - {options.threads}):
        text = f"how the work spreads over cores: {count} against {options.threads} threads"
        worth = 0.7 if count == 1 else 0.55
        change = {"threads": str(count)}
        found.append(Trial(f"threads-{count}", text, change, TOTAL, worth))
    return found


def _engines(options: RunOptions, card: ModelArtifact) -> list[Trial]:
    others = [
        name
        for name in engines.names()
        if name != options.engine
        and card.format.value in engines.find_engine(name).FORMATS
        and engines.find_engine(name).DISTRIBUTIONS
        and not engines.find_engine(name).PREINSTALLED
    ]
    text = "this engine, against another one that runs the same file"
    return [Trial(f"engine-{n}", text, {"engine": n}, TOTAL, 0.3, SENDING_S) for n in others]


def _batches(options: RunOptions, card: ModelArtifact) -> list[Trial]:
    if options.batch > 1:
        text = "a batch, against one sample at a time"
        return [Trial("batch-1", text, {"batch": "1"}, TOTAL, 0.9)]
    if any(not spec.shape or spec.shape[0] != -1 for spec in card.inputs):
        return []
    text = "one sample at a time, against several together"
    return [Trial("batch-4", text, {"batch": "4"}, TOTAL, 0.25)]


def _load(options: RunOptions) -> list[Trial]:
    found = []
    if options.rate_hz:
        text = "inferences after a pause, against one after the other"
        found.append(Trial("tight-loop", text, {"rate_hz": "0"}, TOTAL, 1.0))
    if options.concurrency > 1:
        text = "several streams side by side, against one"
        found.append(Trial("single-stream", text, {"concurrency": "1"}, TOTAL, 0.7))
    return found


def _cores(options: RunOptions, facts: BoardFacts, profile: DeviceProfile) -> list[Trial]:
    if len(profile.cores) < 2 or facts.cpu_count < profile.core_count:
        return []
    fast = max(profile.cores, key=lambda c: c.clock_mhz * (c.macs_per_cycle_f32 or 1.0))
    first = facts.cpu_count - fast.count
    cores = ",".join(str(core) for core in range(first, facts.cpu_count))
    text = (
        f"all cores, against the {fast.kind} ones (the last {fast.count}, as Linux numbers them)"
    )
    return [Trial("pinned", text, {"cores": cores}, TOTAL, 0.65)]


def affordable(
    trials: Sequence[Trial], *, budget_s: float, launch_s: float, rounds: int
) -> tuple[Trial, ...]:
    """As many of the trials as the budget pays for, each launched once per round beside the base.

    Args:
        trials: the most informative first.
        budget_s: for all of them together.
        launch_s: what one launch costs.
        rounds: launches of each.
    """
    each_s = rounds * launch_s
    left_s = budget_s - each_s
    chosen = []
    for trial in trials:
        if trial.extra_s + each_s <= left_s:
            chosen.append(trial)
            left_s -= trial.extra_s + each_s
    return tuple(chosen)
