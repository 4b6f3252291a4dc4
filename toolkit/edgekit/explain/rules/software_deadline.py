"""Batch too large: samples wait for others, and the batch misses the time between arrivals."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.remedies import setting

CAUSE = "software-deadline"
GROUP = "software"
NEEDS = "a run with a batch above 1; its rate, or the experiment batch-1"
SOURCE = "Crankshaw et al., Clipper, NSDI 2017: the batch is bounded by the latency objective"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """What a single sample would take, against the batch that is used."""
    options = evidence.measurement.options
    if options.batch == 1:
        return None
    single = evidence.experiment("batch-1")
    if single is None:
        return Unavailable("the experiment batch-1 was not made")
    gain_ms = single.gain_ms.value
    if single.gain_ms.low <= 0:
        return None
    text = f"a batch of {options.batch} takes {format_ms(single.base_ms.value)}, {single.told}"
    if options.rate_hz:
        text += f"; inferences are due every {format_ms(1e3 / options.rate_hz)}"
    remedy = setting(
        evidence, "compute one sample at a time", single.change, gain_ms, Confidence.HIGH
    )
    share = min(gain_ms / evidence.edge.total_ms, 1.0) if evidence.edge.total_ms > 0 else 0.0
    title = f"every sample waits for a batch of {options.batch}"
    return cause(Rule(CAUSE, GROUP, SOURCE), title, share, text, remedy)
