"""Memory bandwidth: the model moves more bytes per arithmetic than the board can feed."""

from __future__ import annotations

from edgekit.core.lag import Finding, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import MATTERS, Rule, carved_share, cause
from edgekit.explain.ledger import time_of
from edgekit.explain.remedies import quantize
from edgekit.explain.roof import FLOAT, describe, precision_of, roof_of

CAUSE = "hardware-memory"
GROUP = "hardware"
NEEDS = "the artifact's structure; peak and bandwidth by calibration or from the profile"
SOURCE = "roofline model: Williams et al., CACM 2009"
SAVED = 0.75
"""Of the bytes, from float32 to int8."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Arithmetic intensity against the board's ridge, and the time that the difference costs."""
    structure = evidence.structure
    if structure is None:
        return Unavailable("the artifact's structure is not known")
    roof = roof_of(evidence.measurement, evidence.records)
    if isinstance(roof, Unavailable):
        return roof
    share = carved_share(evidence, "memory-bound")
    if share < MATTERS:
        return None
    busy = [o for o in structure.operations if o.macs]
    moved = sum(o.weight_bytes + o.activation_bytes for o in busy)
    ridge = roof.peak_macs_per_s / roof.bandwidth_bytes_per_s
    spent_ms = time_of(evidence.edge, "memory-bound")
    text = (
        f"{structure.macs / max(moved, 1):.1f} multiply-accumulates per byte, the board's ridge is "
        f"at {ridge:.1f} ({describe(roof)}); {format_ms(spent_ms)} beyond the arithmetic"
    )
    remedies = (
        (quantize(evidence, SAVED * spent_ms),)
        if precision_of(evidence.measurement) == FLOAT
        else ()
    )
    title = "memory bandwidth bounds the inference"
    rule = Rule(CAUSE, GROUP, SOURCE)
    return cause(rule, title, share, text, *remedies, severity=Severity.INFO)
