"""Denormal numbers: weights or activations so small that processors compute them in microcode."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding
from edgekit.core.record import Unavailable
from edgekit.explain.edge_parts import counts
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, carved_share, cause
from edgekit.explain.remedies import setting

CAUSE = "model-denormals"
GROUP = "model"
NEEDS = "the experiment denormals-zero"
SOURCE = "microsoft/onnxruntime#7448: 2400 ms became 70 ms with denormals flushed to zero"

FLUSHES = "onnxruntime"
"""The engine with an option for it."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """What flushing denormals to zero gained."""
    experiment = evidence.experiment("denormals-zero")
    if experiment is None:
        if evidence.measurement.engine != FLUSHES:
            return Unavailable(f"{evidence.measurement.engine} has no option to flush them")
        return Unavailable("the experiment denormals-zero was not made")
    if not counts(experiment):
        return None
    share = carved_share(evidence, "denormals")
    remedy = setting(
        evidence,
        "flush denormals to zero",
        experiment.change,
        experiment.gain_ms.value,
        Confidence.HIGH,
    )
    title = "the model computes with denormal numbers"
    return cause(Rule(CAUSE, GROUP, SOURCE), title, share, experiment.told, remedy)
