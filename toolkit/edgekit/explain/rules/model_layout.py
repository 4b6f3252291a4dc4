"""Layout changes: operations that move or re-code data and compute nothing."""

from __future__ import annotations

from math import fsum

from edgekit.core.lag import Confidence, Finding, Remedy
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.edge_parts import MOVERS
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import MATTERS, Rule, carved_share, cause
from edgekit.explain.ledger import time_of
from edgekit.explain.remedies import convert_again

CAUSE = "model-layout"
GROUP = "model"
NEEDS = "times per operation (edgekit run --profile-ops), else the artifact's structure"
SOURCE = "the engine's own times; onnx2tf documents transposes between NCHW and NHWC as its reason"
MANY = 0.3
"""Share of operations that only move data from which the graph deserves a look without times:
EfficientNet-Lite0 has none, a graph that changes layout around every convolution two thirds."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Time in operations that only move data; their number where they were not timed."""
    rule = Rule(CAUSE, GROUP, SOURCE)
    spent_ms = time_of(evidence.edge, "layout")
    profile, structure = evidence.records.operations, evidence.structure
    remedy = Remedy(
        "convert from the original framework, so that one layout holds throughout",
        convert_again(evidence, engine=evidence.measurement.engine),
        spent_ms,
        Confidence.LOW,
    )
    if profile is not None:
        share = carved_share(evidence, "layout")
        if share < MATTERS:
            return None
        count = sum(o.type in MOVERS for o in profile.operations)
        title = f"{count} of {len(profile.operations)} operations only move data"
        return cause(rule, title, share, f"they take {format_ms(spent_ms)}", remedy)
    if structure is None:
        return Unavailable("operations were not timed, and the structure is not known")
    total = sum(o.count for o in structure.operations)
    movers = fsum(o.count for o in structure.operations if o.type in MOVERS)
    if not total or movers / total < MANY:
        return None
    unknown = Unavailable("operations were not timed: edgekit run --profile-ops")
    text = f"{movers:.0f} of {total} operations only move data"
    return cause(rule, text, unknown, text, remedy)
