"""Number of parameters: weights have to be read from memory for every inference."""

from __future__ import annotations

from math import fsum

from edgekit.core.lag import Finding, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes, format_count, format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.ledger import compute_ms
from edgekit.explain.remedies import quantize
from edgekit.explain.roof import FLOAT, precision_of, roof_of

CAUSE = "model-parameters"
GROUP = "model"
NEEDS = "the artifact's structure; memory bandwidth by calibration or from the profile"
SOURCE = "roofline model: Williams et al., CACM 2009"
MATTERS = 0.25
"""Share of the computing time that reading the weights must reach to bound it: a quarter of the
bytes (int8) then gains at least a fifth of it."""
SAVED = 0.75
"""Of the bytes, from float32 to int8."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Reading all weights once, at the board's memory bandwidth, against the computing time."""
    structure = evidence.structure
    if structure is None:
        return Unavailable("the artifact's structure is not known")
    rule = Rule(CAUSE, GROUP, SOURCE)
    weight_bytes = fsum(operation.weight_bytes for operation in structure.operations)
    text = (
        f"{format_count(structure.parameters)} parameters, {format_bytes(weight_bytes)} of weights"
    )
    roof = roof_of(evidence.measurement, evidence.records)
    if isinstance(roof, Unavailable):
        return cause(rule, text, roof, text)
    reading_ms = weight_bytes / roof.bandwidth_bytes_per_s * 1e3
    worked_ms = compute_ms(evidence.edge)
    bound = min(reading_ms / worked_ms, 1.0) if worked_ms > 0 else 0.0
    share = bound * worked_ms / evidence.edge.total_ms if evidence.edge.total_ms > 0 else 0.0
    said = f"{text}; reading them once takes at least {format_ms(reading_ms)} ({roof.source})"
    if bound < MATTERS or precision_of(evidence.measurement) != FLOAT:
        return cause(rule, text, share, said, severity=Severity.INFO)
    title = "reading the weights bounds the inference"
    remedy = quantize(evidence, SAVED * bound * worked_ms)
    return cause(rule, title, share, said, remedy, severity=Severity.INFO)
