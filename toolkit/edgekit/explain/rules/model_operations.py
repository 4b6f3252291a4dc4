"""Types of operations: which ones do the work, and which move data only."""

from __future__ import annotations

from math import fsum

from edgekit.core.lag import Finding, Severity
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Evidence

CAUSE = "model-operations"
GROUP = "model"
SHOWN = 4
MOVERS = ("Transpose", "TRANSPOSE", "Reshape", "RESHAPE", "PAD", "Pad", "QUANTIZE", "Cast", "CAST")
MANY = 0.2
"""Share of operations that only move data from which layout deserves a look."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Multiply-accumulates and bytes per operation type."""
    structure = evidence.structure
    if structure is None:
        return Unavailable("the artifact's structure is not known")
    macs = max(structure.macs, 1)
    moved = max(fsum(o.weight_bytes + o.activation_bytes for o in structure.operations), 1)
    parts = [
        f"{o.type} x {o.count}: {o.macs / macs:.0%} of the arithmetic, "
        f"{(o.weight_bytes + o.activation_bytes) / moved:.0%} of the bytes"
        for o in structure.operations[:SHOWN]
    ]
    total = sum(o.count for o in structure.operations)
    movers = sum(o.count for o in structure.operations if o.type in MOVERS)
    top = structure.operations[0].type if structure.operations else "nothing"
    is_scattered = total > 0 and movers / total > MANY
    title = (
        f"{movers} of {total} operations only move data"
        if is_scattered
        else f"{top} does most of the arithmetic"
    )
    return Finding(
        CAUSE,
        GROUP,
        title,
        Severity.WARNING if is_scattered else Severity.INFO,
        Unavailable("the engine does not time operations one by one"),
        "; ".join(parts),
        "structure of the artifact's graph",
    )
