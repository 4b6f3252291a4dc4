"""Number of parameters: weights have to be read from memory for every inference."""

from __future__ import annotations

from math import fsum

from edgekit.core.lag import Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes, format_count, format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.ledger import share_of

CAUSE = "model-parameters"
GROUP = "model"
MATTERS = 0.25
"""Share of the computing time that reading the weights must reach to be a warning."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Reading all weights once, at the board's memory bandwidth, against the computing time."""
    structure, profile = evidence.structure, evidence.profile
    if structure is None:
        return Unavailable("the artifact's structure is not known")
    weight_bytes = fsum(operation.weight_bytes for operation in structure.operations)
    text = (
        f"{format_count(structure.parameters)} parameters, {format_bytes(weight_bytes)} of weights"
    )
    source = "roofline model: Williams et al., CACM 2009; bandwidth from the profile"
    if profile is None or profile.memory.bandwidth_mb_s is None:
        unknown = Unavailable("the board's memory bandwidth is not known")
        return Finding(CAUSE, GROUP, text, Severity.INFO, unknown, text, source)
    reading_ms = weight_bytes / (profile.memory.bandwidth_mb_s * 1e3)
    evidence_text = (
        f"{text}; reading them once takes {format_ms(reading_ms)} at "
        f"{profile.memory.bandwidth_mb_s} MB/s ({profile.id})"
    )
    if evidence.is_stand_in:
        share: float | Unavailable = Unavailable("another machine stands in for the board")
        return Finding(CAUSE, GROUP, text, Severity.INFO, share, evidence_text, source)
    compute_ms = evidence.edge.total_ms * share_of(evidence.edge, "engine-compute")
    bound = min(reading_ms / compute_ms, 1.0) if compute_ms > 0 else 0.0
    share = bound * share_of(evidence.edge, "engine-compute")
    if bound < MATTERS:
        return Finding(CAUSE, GROUP, text, Severity.INFO, share, evidence_text, source)
    return Finding(
        CAUSE,
        GROUP,
        "reading the weights bounds the inference",
        Severity.WARNING,
        share,
        evidence_text,
        source,
        (
            Remedy(
                "store the weights in int8, a quarter of the bytes",
                "edgekit convert MODEL --recipe int8-static --calibration samples.npz",
                Unavailable("convert and measure to know"),
                Unavailable("not tried"),
            ),
        ),
    )
