"""Arithmetic: how far the measured time is from what the cores can do at their peak."""

from __future__ import annotations

from edgekit.core.lag import Finding, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.ledger import compute_ms
from edgekit.explain.roof import describe, roof_of

CAUSE = "hardware-arithmetic"
GROUP = "hardware"
NEEDS = "the artifact's structure; the peak by calibration or from the profile"
SOURCE = "roofline model: Williams et al., CACM 2009"
NEAR = 2.0
"""Times the floor below which the arithmetic itself bounds the inference."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """The floor of the arithmetic on the threads in use, against the computing time."""
    structure = evidence.structure
    if structure is None:
        return Unavailable("the artifact's structure is not known")
    roof = roof_of(evidence.measurement, evidence.records)
    if isinstance(roof, Unavailable):
        return roof
    floor_ms = structure.macs * evidence.measurement.options.batch / roof.peak_macs_per_s * 1e3
    worked_ms = compute_ms(evidence.edge)
    if floor_ms <= 0 or evidence.edge.total_ms <= 0:
        return None
    factor = worked_ms / floor_ms
    text = (
        f"at least {format_ms(floor_ms)} at {describe(roof)}; measured {format_ms(worked_ms)}, "
        f"{factor:.1f} times the floor"
    )
    title = "the arithmetic bounds the inference" if factor < NEAR else "the cores could do more"
    share = min(floor_ms / evidence.edge.total_ms, 1.0)
    return cause(Rule(CAUSE, GROUP, SOURCE), title, share, text, severity=Severity.INFO)
