"""GPU, TPU, NPU: what the board has and the engine does not use."""

from __future__ import annotations

from edgekit.core.lag import Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Evidence
from edgekit.explain.ledger import share_of

CAUSE = "hardware-accelerator"
GROUP = "hardware"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Accelerators of the profile against the engine in use."""
    profile = evidence.profile
    if profile is None:
        return Unavailable("no profile was given")
    engine = evidence.measurement.engine
    idle = [a for a in profile.accelerators if engine not in a.engines]
    usable = [a for a in idle if a.engines]
    if not idle:
        return None
    names = ", ".join(f"{a.name} ({a.kind})" for a in idle)
    share = share_of(evidence.edge, "engine-compute")
    if not usable:
        return Finding(
            CAUSE,
            GROUP,
            f"{names} stays idle, and no engine here can drive it",
            Severity.INFO,
            Unavailable("it cannot be measured"),
            "; ".join(f"{a.name}: {a.note or 'no engine'}" for a in idle),
            "accelerators of the device profile",
        )
    other = usable[0].engines[0]
    return Finding(
        CAUSE,
        GROUP,
        f"{usable[0].name} stays idle while the CPU computes",
        Severity.WARNING,
        share,
        f"{engine} does not use it; {', '.join(usable[0].engines)} would",
        "accelerators of the device profile",
        (
            Remedy(
                f"use {other}",
                f"edgekit convert MODEL --profile {profile.id} --engine {other}",
                Unavailable("convert and measure to know"),
                Unavailable("not tried"),
            ),
        ),
    )
