"""Concurrency and contention: other work takes the processor away."""

from __future__ import annotations

from edgekit.core.lag import Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.ledger import share_of

CAUSE = "software-contention"
GROUP = "software"
MATTERS = 0.05
SEVERE = 0.25


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Waiting for a processor, and more threads than processors."""
    share = share_of(evidence.edge, "waiting")
    facts = evidence.facts
    threads = evidence.measurement.options.threads
    oversubscribed = facts is not None and threads > facts.cpu_count
    if isinstance(evidence.measurement.wait_ns, Unavailable) and not oversubscribed:
        return Unavailable(evidence.measurement.wait_ns.reason)
    if share < MATTERS and not oversubscribed:
        return None
    waiting = next(s for s in evidence.edge.shares if s.id == "waiting")
    text = f"{format_ms(waiting.time_ms)} per invocation ({waiting.evidence})"
    if oversubscribed and facts is not None:
        text += f"; {threads} threads on {facts.cpu_count} processors"
    return Finding(
        CAUSE,
        GROUP,
        "the process waits for a processor",
        Severity.SEVERE if share > SEVERE else Severity.WARNING,
        share,
        text,
        "run-queue statistics of the kernel",
        (
            Remedy(
                "stop other work on the board, or use fewer threads",
                "edgekit run ARTIFACT --board BOARD --threads 1",
                waiting.time_ms,
                Unavailable("not tried"),
            ),
        ),
    )
