"""Batch size: single inputs leave throughput on the table."""

from __future__ import annotations

from edgekit.core.lag import Finding
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Evidence

CAUSE = "software-batch"
GROUP = "software"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """A sweep over batch sizes is needed to tell; one measurement cannot."""
    return Unavailable("one batch size was measured; a sweep over several would tell")
