"""Contradictions: evidence that would make a share negative or larger than the whole."""

from __future__ import annotations

from dataclasses import replace

from edgekit.core.lag import Confidence, Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.remedies import run_again

CAUSE = "evidence-consistency"
GROUP = "software"
NEEDS = "all ledgers"
SOURCE = "shares of a time cannot exceed it"
TOLERATED = 0.05
"""A remainder this far below 0 is scatter between phases of different invocations."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Shares that had to be cut, and ledgers whose parts exceed the total."""
    texts = [text for _, text in evidence.edge.inconsistent]
    for ledger in (evidence.edge, *evidence.clouds):
        rest = sum(s.time_ms for s in ledger.shares if s.id == "unexplained")
        if ledger.total_ms > 0 and rest < -TOLERATED * ledger.total_ms:
            part = -rest / ledger.total_ms
            texts.append(f"{ledger.subject}: the parts exceed the median by {part:.0%}")
    if not texts:
        return None
    remedy = Remedy(
        "measure again, longer and without other work",
        run_again(evidence, {}),
        Unavailable("it is a question of evidence"),
        Confidence.LOW,
    )
    unknown = Unavailable("contradictory evidence gives no figure")
    rule = Rule(CAUSE, GROUP, SOURCE)
    title = "the evidence contradicts itself"
    text = "; ".join(texts)
    found = cause(rule, title, unknown, text, remedy, severity=Severity.WARNING)
    return replace(found, is_inconsistent=True)
