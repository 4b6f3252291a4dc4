"""Inference engine: another one runs the same file faster."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.explain.edge_parts import counts
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import MATTERS, Rule, cause, share_of_gain
from edgekit.explain.remedies import UNKNOWN_GAIN, convert_again, setting

CAUSE = "software-engine"
GROUP = "software"
NEEDS = "the experiments engine-NAME; the device profile's order"
SOURCE = "the experiment; engines of the device profile"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """The fastest other engine that was measured, else the profile's first choice."""
    rule = Rule(CAUSE, GROUP, SOURCE)
    others = evidence.experiments("engine-")
    used = evidence.measurement.engine
    if others:
        best = max(others, key=lambda e: e.gain_ms.value)
        share = share_of_gain(evidence, best)
        if not counts(best) or share < MATTERS:
            return None
        name = best.change["engine"]
        gain_ms = best.gain_ms.value
        remedy = setting(evidence, f"use {name}", best.change, gain_ms, Confidence.HIGH)
        text = best.told
        title = f"{name} runs this model faster than {used}"
        return cause(rule, title, share, text, remedy, severity=Severity.INFO)
    profile = evidence.profile
    if profile is None:
        return Unavailable("no other engine was measured, and no profile was given")
    first = profile.engines[0].name
    if used == first:
        return Unavailable("no other engine was measured")
    remedy = Remedy(
        f"try {first}", convert_again(evidence, engine=first), UNKNOWN_GAIN, Confidence.LOW
    )
    title = f"{used} is not the first choice for {profile.id}"
    text = f"the profile prefers {first}"
    unknown = Unavailable("the other engine was not measured")
    return cause(rule, title, unknown, text, remedy, severity=Severity.INFO)
