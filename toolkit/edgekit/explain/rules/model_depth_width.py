"""Depth and width: layers one after the other, and how much each can keep cores busy."""

from __future__ import annotations

from edgekit.core.lag import Finding, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_count, format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.ledger import share_of

CAUSE = "model-depth-width"
GROUP = "model"
SMALL_MACS = 100_000
"""A layer with fewer multiply-accumulates finishes in the time that starting it takes.

Derived: 10 multiply-accumulates per ns against about 10 us to start two threads."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Time per layer on the longest path."""
    structure = evidence.structure
    if structure is None:
        return Unavailable("the artifact's structure is not known")
    compute_ms = evidence.edge.total_ms * share_of(evidence.edge, "engine-compute")
    per_layer_ms = compute_ms / max(structure.depth, 1)
    mean_macs = structure.macs / max(structure.depth, 1)
    text = (
        f"{structure.depth} operations on the longest path, at most {structure.max_width} channels "
        f"wide; {format_ms(per_layer_ms)} and {format_count(mean_macs)} multiply-accumulates each"
    )
    is_small = mean_macs < SMALL_MACS
    return Finding(
        CAUSE,
        GROUP,
        "many small layers: starting them costs more than computing"
        if is_small
        else f"{structure.depth} layers one after the other",
        Severity.WARNING if is_small else Severity.INFO,
        Unavailable("the engine does not time layers one by one"),
        text,
        "structure of the artifact's graph; computing time of the ledger",
    )
