"""Concurrency and contention: other work takes the processor away."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import MATTERS, Rule, cause
from edgekit.explain.ledger import share_of, time_of
from edgekit.explain.pressure import pressure_share, stolen_share
from edgekit.explain.remedies import run_again

CAUSE = "software-contention"
GROUP = "software"
NEEDS = "run-queue time of the process; CPU pressure and steal beside the samples"
SOURCE = "Linux kernel documentation, schedstat and PSI"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Time in which the process could run and had no processor."""
    measured = evidence.measurement
    share = share_of(evidence.edge, "waiting")
    if isinstance(measured.wait_ns, Unavailable) and "cpu" not in measured.samples_ns:
        return Unavailable(measured.wait_ns.reason)
    stolen = stolen_share(measured.conditions)
    if share < MATTERS:
        return None
    waiting_ms = time_of(evidence.edge, "waiting")
    waiting = next(s for s in evidence.edge.shares if s.id == "waiting")
    text = f"{format_ms(waiting_ms)} per invocation ({waiting.evidence})"
    pressure = pressure_share(measured.conditions, "cpu_pressure_us")
    if not isinstance(pressure, Unavailable):
        text += f"; some task of the board waited during {pressure:.0%} of the run"
    if not isinstance(stolen, Unavailable) and stolen > MATTERS:
        text += f"; a hypervisor took {stolen:.0%} of a processor"
    fewer = str(max(measured.options.threads - 1, 1))
    remedy = Remedy(
        "stop other work on the board (top shows it), or leave it a processor",
        run_again(evidence, {"threads": fewer}),
        waiting_ms,
        Confidence.MEDIUM,
    )
    title = "the process waits for a processor"
    return cause(Rule(CAUSE, GROUP, SOURCE), title, share, text, remedy)
