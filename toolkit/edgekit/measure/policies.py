"""How long a run measures, by name: a precision that it shall reach, and the time it may take."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.core.errors import UsageFault
from edgekit.core.suggest import did_you_mean


@dataclass(frozen=True)
class Policy:
    """A named way to measure."""

    name: str
    title: str
    runs: int
    """Least number of invocations of each launch."""
    warmup_runs: int
    min_duration_s: float
    max_duration_s: float
    """The time budget of each launch."""
    width_p50: float = 0.0
    """The run may end when half of the 95 % interval is at most this share; 0 does not ask."""
    width_p95: float = 0.0
    launches: int = 1
    """Process launches: what differs from one to the next is not averaged out by more samples."""


QUICK = Policy(
    "quick", "a first look: p50 to 3 %, p95 to 10 %, at most 5 s", 50, 10, 0.3, 5.0, 0.03, 0.1
)
DEFAULT = Policy("default", "p50 to 1 %, p95 to 3 %, at most 30 s", 100, 20, 1.0, 30.0, 0.01, 0.03)
STRICT = Policy(
    "strict",
    "five process launches, each p50 to 0.5 %, p95 to 1 %, at most 60 s",
    300,
    50,
    3.0,
    60.0,
    0.005,
    0.01,
    5,
)
MLPERF_SINGLESTREAM = Policy(
    "mlperf-singlestream",
    "the rules of MLPerf Inference: 10 minutes, one query after the other, p90 by early stopping",
    64,
    1,
    600.0,
    3600.0,
)
"""Source: MLCommons inference_rules.adoc (2026-07): duration 600 s, p90, early stopping at 99 %
needs 64 queries."""
POLICIES = {policy.name: policy for policy in (QUICK, DEFAULT, STRICT, MLPERF_SINGLESTREAM)}


def find_policy(name: str) -> Policy:
    """The policy of that name.

    Raises:
        UsageFault: there is none.
    """
    if name not in POLICIES:
        text = f"no policy is called {name!r}: {did_you_mean(name, POLICIES)}"
        raise UsageFault(text, hint="edgekit run --help")
    return POLICIES[name]
