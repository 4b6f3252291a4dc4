"""Idle wake: after a pause clocks, caches and threads have gone to sleep."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding
from edgekit.core.record import Unavailable
from edgekit.explain.edge_parts import counts
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, carved_share, cause
from edgekit.explain.remedies import setting

CAUSE = "software-idle"
GROUP = "software"
NEEDS = "a run at a rate; the experiment tight-loop"
SOURCE = "microsoft/onnxruntime#11581: 17 ms back to back, 89 ms after two seconds of pause"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """What running without pauses gained."""
    options = evidence.measurement.options
    if not options.rate_hz:
        return None
    experiment = evidence.experiment("tight-loop")
    if experiment is None:
        return Unavailable("the experiment tight-loop was not made")
    if not counts(experiment):
        return None
    share = carved_share(evidence, "idle-wake")
    remedy = setting(
        evidence,
        "one thread has no others to wake; or hold the clock up",
        {"threads": "1"},
        experiment.gain_ms.value,
        Confidence.LOW,
    )
    title = "inferences after a pause take longer"
    return cause(Rule(CAUSE, GROUP, SOURCE), title, share, experiment.told, remedy)
