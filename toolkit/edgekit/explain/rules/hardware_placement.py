"""Big and little cores: threads on slow cores hold up the others."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Severity
from edgekit.core.record import Unavailable
from edgekit.explain.edge_parts import counts
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause, share_of_gain
from edgekit.explain.remedies import setting

CAUSE = "hardware-placement"
GROUP = "hardware"
NEEDS = "the device profile's clusters; the experiment pinned"
SOURCE = "LiteRT benchmark documentation: use taskset, big.LITTLE makes results vary"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """More threads than fast cores, and what pinning to those gained."""
    profile = evidence.profile
    if profile is None:
        return Unavailable("no profile was given")
    if len(profile.cores) < 2:
        return None
    fast = max(profile.cores, key=lambda c: c.clock_mhz * (c.macs_per_cycle_f32 or 1.0))
    threads = evidence.measurement.options.threads
    rule = Rule(CAUSE, GROUP, SOURCE)
    experiment = evidence.experiment("pinned")
    clusters = " + ".join(f"{c.count} x {c.kind}" for c in profile.cores)
    if experiment is not None:
        if not counts(experiment):
            return None
        remedy = setting(
            evidence,
            f"keep it on the {fast.kind} cores",
            experiment.change,
            experiment.gain_ms.value,
            Confidence.HIGH,
        )
        share = share_of_gain(evidence, experiment)
        text = f"{experiment.told} ({clusters})"
        return cause(rule, "threads run on slow cores", share, text, remedy)
    if threads <= fast.count:
        return Unavailable("the experiment pinned was not made")
    change = {"threads": str(fast.count)}
    remedy = setting(evidence, f"use {fast.count} threads", change)
    unknown = Unavailable("the experiment pinned was not made")
    title = f"{threads} threads on {fast.count} fast cores"
    return cause(rule, title, unknown, clusters, remedy, severity=Severity.WARNING)
