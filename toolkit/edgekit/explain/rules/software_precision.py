"""Precision: the model computes in float32 where the board is faster in int8."""

from __future__ import annotations

from edgekit.core.lag import Finding, Severity
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.ledger import compute_ms
from edgekit.explain.remedies import UNKNOWN_GAIN, quantize
from edgekit.explain.roof import FLOAT, INT8, precision_of

CAUSE = "software-precision"
GROUP = "software"
NEEDS = "the recipe; peaks by calibration, else the profile's advice"
SOURCE = "precisions of the device profile; the board's own peaks"
PAYS = 1.2
"""Ratio of the peaks from which another conversion is worth its trouble."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """What int8 would take, by the ratio of the board's peaks, or by the profile's advice."""
    if precision_of(evidence.measurement) != FLOAT:
        return None
    profile, calibration = evidence.profile, evidence.records.calibration
    rule = Rule(CAUSE, GROUP, SOURCE)
    title = "the model computes in float32"
    peaks = calibration.macs_per_s if calibration else {}
    if FLOAT in peaks and INT8 in peaks:
        ratio = peaks[INT8] / peaks[FLOAT]
        if ratio < PAYS:
            return None
        gain_ms = compute_ms(evidence.edge) * (1 - 1 / ratio)
        share = gain_ms / evidence.edge.total_ms if evidence.edge.total_ms > 0 else 0.0
        text = f"int8 is {ratio:.1f} times as fast on this board, by calibration"
        remedy = quantize(evidence, gain_ms)
        return cause(rule, title, share, text, remedy, severity=Severity.INFO)
    if profile is None:
        return Unavailable("no profile was given, and the board was not calibrated")
    advice = next((p for p in profile.precisions if p.name == "int8"), None)
    if advice is None or not advice.pays:
        return None
    text = f"int8 pays on {profile.id}: {advice.reason}"
    remedy = quantize(evidence)
    return cause(rule, title, UNKNOWN_GAIN, text, remedy, severity=Severity.INFO)
