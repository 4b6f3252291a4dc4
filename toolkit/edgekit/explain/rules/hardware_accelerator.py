"""GPU, TPU, NPU: what the board has and the engine does not use."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.remedies import UNKNOWN_GAIN, convert_again

CAUSE = "hardware-accelerator"
GROUP = "hardware"
NEEDS = "the device profile; where operations ran"
SOURCE = "accelerators of the device profile"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Accelerators of the profile against the engine in use."""
    profile = evidence.profile
    if profile is None:
        return Unavailable("no profile was given")
    rule = Rule(CAUSE, GROUP, SOURCE)
    engine = evidence.measurement.engine
    idle = [a for a in profile.accelerators if engine not in a.engines]
    if not idle:
        return None
    usable = [a for a in idle if a.engines]
    placed = ", ".join(f"{n} operations on {w}" for w, n in evidence.measurement.placement.items())
    where = f"; {placed}" if placed else ""
    share = Unavailable("what it would take there was not measured")
    if not usable:
        names = ", ".join(f"{a.name} ({a.kind})" for a in idle)
        why = "; ".join(f"{a.name}: {a.note or 'no engine'}" for a in idle)
        title = f"{names} stays idle, and no engine here can drive it"
        return cause(rule, title, share, why + where, severity=Severity.INFO)
    other = usable[0].engines[0]
    remedy = Remedy(
        f"use {other}", convert_again(evidence, engine=other), UNKNOWN_GAIN, Confidence.LOW
    )
    text = f"{engine} does not use it; {', '.join(usable[0].engines)} would{where}"
    title = f"{usable[0].name} stays idle while the CPU computes"
    return cause(rule, title, share, text, remedy, severity=Severity.INFO)
