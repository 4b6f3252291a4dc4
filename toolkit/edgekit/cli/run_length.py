"""How long a run measures: a policy, or numbers that were given in its place."""

from __future__ import annotations

from collections.abc import Mapping

from edgekit.cli.chain import RunSettings
from edgekit.measure.policies import find_policy

COUNTED_SECONDS = 0.0
COUNTED_MAX_SECONDS = 60.0
"""Where a number of runs is given."""
SPARE_SECONDS = 1.0
"""Beyond --duration, for the invocation that is under way."""


def length_of(given: Mapping[str, object]) -> RunSettings:
    """How long to run: the policy, with what was given in its place.

    A number of runs, a shortest time or a duration is kept whatever the precision.
    """

    def number(name: str, default: float) -> float:
        value = given[name]
        return default if value is None else float(str(value))

    policy = find_policy(str(given["policy"]))
    counted = any(given[name] is not None for name in ("runs", "seconds", "duration"))
    shortest_s = number("seconds", COUNTED_SECONDS if counted else policy.min_duration_s)
    longest_s = number("max_seconds", COUNTED_MAX_SECONDS if counted else policy.max_duration_s)
    runs = number("runs", policy.runs)
    if given["duration"] is not None:
        runs = 1
        shortest_s = float(str(given["duration"]))
        longest_s = shortest_s + SPARE_SECONDS
    return RunSettings(
        runs=int(runs),
        warmup_runs=int(number("warmup_runs", policy.warmup_runs)),
        min_duration_s=shortest_s,
        max_duration_s=longest_s,
        policy="" if counted else policy.name,
        width_p50=0.0 if counted else policy.width_p50,
        width_p95=0.0 if counted else policy.width_p95,
    )


GO_RUNS, GO_WARMUP_RUNS, GO_SECONDS = 300, 20, 5.0
"""Of ``edgekit go`` without a policy: enough for a p99, and for the whole job to stay short."""


def length_of_go(given: Mapping[str, object]) -> RunSettings:
    """As :func:`length_of` where a policy is named; else numbers, given ones or those of ``go``."""
    if given["policy"]:
        return length_of({"duration": None, "max_seconds": None, **given})
    numbers = {"runs": GO_RUNS, "warmup_runs": GO_WARMUP_RUNS, "seconds": GO_SECONDS}
    found = {name: given[name] if given[name] is not None else n for name, n in numbers.items()}
    return RunSettings(
        runs=int(str(found["runs"])),
        warmup_runs=int(str(found["warmup_runs"])),
        min_duration_s=float(str(found["seconds"])),
    )
