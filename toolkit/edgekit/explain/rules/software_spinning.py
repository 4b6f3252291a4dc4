"""Spinning: threads of the engine burn a processor while they wait for one another."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding
from edgekit.core.record import Unavailable
from edgekit.explain.edge_parts import counts
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, carved_share, cause
from edgekit.explain.remedies import setting

CAUSE = "software-spinning"
GROUP = "software"
NEEDS = "the experiment spinning-off"
SOURCE = "microsoft/onnxruntime#13808; roboflow/rf-detr#1456: 98 ms became 3.4 ms without spinning"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """What letting threads sleep gained."""
    options = evidence.measurement.options
    if options.engine != "onnxruntime" or options.engine_options.get("spinning") == "off":
        return None
    if options.threads * options.concurrency < 2:
        return None
    experiment = evidence.experiment("spinning-off")
    if experiment is None:
        return Unavailable("the experiment spinning-off was not made")
    if not counts(experiment):
        return None
    remedy = setting(
        evidence,
        "let waiting threads sleep",
        experiment.change,
        experiment.gain_ms.value,
        Confidence.HIGH,
    )
    share = carved_share(evidence, "spinning")
    title = "threads of the engine spin while they wait"
    return cause(Rule(CAUSE, GROUP, SOURCE), title, share, experiment.told, remedy)
