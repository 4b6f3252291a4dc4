"""Depth and width: layers follow one another, and small ones cost more to start than to compute."""

from __future__ import annotations

from edgekit.core.lag import Finding, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_count, format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.ledger import compute_ms

CAUSE = "model-depth-width"
GROUP = "model"
NEEDS = "the artifact's structure; times per operation tell the longest layers"
SOURCE = "structure of the artifact's graph; MobileNetV2's layers have 3 to 30 M (CVPR 2018)"
SMALL_MACS = 100_000
"""Multiply-accumulates below which a layer is over within microseconds on any supported board."""
SHOWN = 3


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Time and arithmetic per layer on the longest path."""
    structure = evidence.structure
    if structure is None:
        return Unavailable("the artifact's structure is not known")
    depth = max(structure.depth, 1)
    mean_macs = structure.macs / depth
    text = (
        f"{structure.depth} operations on the longest path, at most {structure.max_width} channels "
        f"wide; {format_ms(compute_ms(evidence.edge) / depth)} and {format_count(mean_macs)} "
        "multiply-accumulates each"
    )
    profile = evidence.records.operations
    if profile is not None:
        longest = sorted(profile.operations, key=lambda o: -o.time_ms)[:SHOWN]
        text += "; longest: " + ", ".join(f"{o.name} {format_ms(o.time_ms)}" for o in longest)
    is_small = mean_macs < SMALL_MACS
    title = (
        "many small layers: starting them costs more than computing"
        if is_small
        else f"{structure.depth} layers one after the other"
    )
    share = Unavailable("what another depth would take is another model's question")
    return cause(Rule(CAUSE, GROUP, SOURCE), title, share, text, severity=Severity.INFO)
