"""Precision and engine: float32 where the board computes int8 faster."""

from __future__ import annotations

from edgekit.core.lag import Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Evidence
from edgekit.explain.ledger import share_of

CAUSE = "software-engine"
GROUP = "software"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """The artifact's recipe and engine against what the profile advises."""
    profile = evidence.profile
    if profile is None:
        return Unavailable("no profile was given")
    recipe = evidence.measurement.model.get("recipe", "")
    advice = next((p for p in profile.precisions if p.name == "int8"), None)
    first = profile.engines[0].name
    if recipe == "float" and advice is not None and advice.pays:
        return Finding(
            CAUSE,
            GROUP,
            "the model computes in float32",
            Severity.WARNING,
            share_of(evidence.edge, "engine-compute"),
            f"int8 pays on {profile.id}: {advice.reason}",
            "precisions of the device profile",
            (_remedy("quantize to int8", f"--profile {profile.id} --recipe int8-static"),),
        )
    if evidence.measurement.engine != first:
        return Finding(
            CAUSE,
            GROUP,
            f"{evidence.measurement.engine} is not the first choice for {profile.id}",
            Severity.INFO,
            Unavailable("the other engine was not measured"),
            f"the profile prefers {first}",
            "engines of the device profile",
            (_remedy(f"try {first}", f"--profile {profile.id} --engine {first}"),),
        )
    return None


def _remedy(action: str, flags: str) -> Remedy:
    return Remedy(
        action,
        f"edgekit convert MODEL {flags} --calibration samples.npz",
        Unavailable("convert and measure to know"),
        Unavailable("not tried"),
    )
