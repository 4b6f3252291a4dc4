"""Framework overhead: time inside the inference that no operation takes."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import MATTERS, Rule, carved_share, cause
from edgekit.explain.ledger import time_of
from edgekit.explain.remedies import run_again

CAUSE = "software-dispatch"
GROUP = "software"
NEEDS = "times per operation (edgekit run --profile-ops)"
SOURCE = "measured: 0.5 to 8 us per call of an engine, 2 us per node (docs/benchmarks.md)"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Time between operations: dispatch, scheduling, the engine's own work."""
    profile = evidence.records.operations
    if profile is None:
        return Unavailable("operations were not timed: edgekit run --profile-ops")
    share = carved_share(evidence, "dispatch")
    if share < MATTERS:
        return None
    spent_ms = time_of(evidence.edge, "dispatch")
    count = max(len(profile.operations), 1)
    text = (
        f"{format_ms(spent_ms)} in no operation, {format_ms(spent_ms / count)} for each of {count}"
    )
    remedy = Remedy(
        "a model with fewer, larger operations; or several samples per call",
        run_again(evidence, {"batch": "4"}),
        Unavailable("it gains per sample, not per inference"),
        Confidence.LOW,
    )
    title = "the engine spends its time between operations"
    return cause(Rule(CAUSE, GROUP, SOURCE), title, share, text, remedy)
