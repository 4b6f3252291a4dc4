"""Clock speed and core count: what more or fewer threads give."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.edge_parts import counts
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import MATTERS, Rule, cause, share_of_gain
from edgekit.explain.ledger import share_of
from edgekit.explain.remedies import setting

CAUSE = "hardware-cores"
GROUP = "hardware"
NEEDS = "the experiments threads-1 .. threads-N"
SOURCE = "Amdahl, AFIPS 1967; the sweep itself"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """The fastest number of threads of the sweep against the one in use."""
    sweep = evidence.experiments("threads-")
    sweep = tuple(e for e in sweep if e.id != "threads-fit")
    if not sweep:
        return Unavailable("threads were not swept")
    used = evidence.measurement.options.threads
    if share_of(evidence.edge, "waiting", "oversubscription") >= MATTERS:
        return None  # other work explains why another number looks better
    best = max(sweep, key=lambda e: e.gain_ms.value)
    rows = [(int(e.change["threads"]), e.changed_ms.value) for e in sweep]
    rows = sorted([*rows, (used, sweep[0].base_ms.value)])
    text = ", ".join(f"{n} threads {format_ms(value)}" for n, value in rows)
    rule = Rule(CAUSE, GROUP, SOURCE)
    share = share_of_gain(evidence, best)
    if not counts(best) or share < MATTERS:
        title = f"{used} threads are as good as any"
        unknown = Unavailable("no other number is faster")
        return cause(rule, title, unknown, text, severity=Severity.INFO)
    wanted = best.change["threads"]
    remedy = setting(
        evidence, f"use {wanted} threads", best.change, best.gain_ms.value, Confidence.HIGH
    )
    return cause(rule, f"{wanted} threads are faster than {used}", share, text, remedy)
