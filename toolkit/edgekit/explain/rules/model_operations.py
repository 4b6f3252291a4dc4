"""Types of operations: which ones do the work, and what they take on this engine."""

from __future__ import annotations

from math import fsum

from edgekit.core.lag import Finding, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause

CAUSE = "model-operations"
GROUP = "model"
NEEDS = "the artifact's structure; times per operation (edgekit run --profile-ops)"
SOURCE = "structure of the artifact's graph; the engine's own times"
SHOWN = 4


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Time, multiply-accumulates and bytes per operation type."""
    structure = evidence.structure
    if structure is None or not structure.operations:
        return Unavailable("the artifact's structure is not known")
    macs = max(structure.macs, 1)
    moved = max(fsum(o.weight_bytes + o.activation_bytes for o in structure.operations), 1)
    parts = [
        f"{o.type} x {o.count}: {o.macs / macs:.0%} of the arithmetic, "
        f"{(o.weight_bytes + o.activation_bytes) / moved:.0%} of the bytes"
        for o in structure.operations[:SHOWN]
    ]
    rule = Rule(CAUSE, GROUP, SOURCE)
    profile = evidence.records.operations
    if profile is None:
        title = f"{structure.operations[0].type} does most of the arithmetic"
        share = Unavailable("operations were not timed: edgekit run --profile-ops")
        return cause(rule, title, share, "; ".join(parts), severity=Severity.INFO)
    rows = profile.by_type()[:SHOWN]
    parts += [f"{kind} x {n} took {format_ms(ms)} ({part:.0%})" for kind, n, ms, part in rows]
    title = f"{rows[0][0]} takes {rows[0][3]:.0%} of the inference"
    return cause(rule, title, rows[0][3], "; ".join(parts), severity=Severity.INFO)
