"""What rules share: how much matters, and findings that an experiment decided."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.core.lag import EDGE, Experiment, Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.explain.edge_parts import counts
from edgekit.explain.evidence import Evidence

MATTERS = 0.05
"""Share of the time from which a cause is worth a line: the issue's own bound for an invented one."""
SEVERE = 0.25
"""From here on the cause is the first thing to change."""


@dataclass(frozen=True)
class Rule:
    """Who a rule is: its id, group and the source of its thresholds."""

    cause: str
    group: str
    source: str


def severity_of(share: float | Unavailable) -> Severity:
    """By the share of the time."""
    if isinstance(share, Unavailable) or share < MATTERS:
        return Severity.INFO
    return Severity.SEVERE if share >= SEVERE else Severity.WARNING


def cause(
    rule: Rule,
    title: str,
    share: float | Unavailable,
    evidence: str,
    *remedies: Remedy,
    severity: Severity | None = None,
    subject: str = EDGE,
) -> Finding:
    """A finding of a rule; its severity follows from the share unless one is given."""
    return Finding(
        rule.cause,
        rule.group,
        title,
        severity or severity_of(share),
        share,
        evidence,
        rule.source,
        remedies,
        subject,
    )


def share_of_gain(evidence: Evidence, experiment: Experiment) -> float:
    """What an experiment gained, as a share of the measured total; 0 when it does not count."""
    total_ms = evidence.edge.total_ms
    if not counts(experiment) or total_ms <= 0:
        return 0.0
    return min(experiment.gain_ms.value / total_ms, 1.0)


def carved_share(evidence: Evidence, name: str) -> float:
    """The ledger's share of that id, 0..1."""
    total_ms = evidence.edge.total_ms
    found = sum(share.time_ms for share in evidence.edge.shares if share.id == name)
    return found / total_ms if total_ms > 0 else 0.0
