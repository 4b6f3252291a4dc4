"""Copies: inputs and outputs are copied between the application and the engine."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import MATTERS, Rule, carved_share, cause
from edgekit.explain.ledger import time_of
from edgekit.explain.remedies import setting

CAUSE = "software-copies"
GROUP = "software"
NEEDS = "the experiment inputs-in-place"
SOURCE = "openvinotoolkit/openvino_notebooks#534: 145 frames per second with copies, 323 without"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """What leaving inputs and outputs in place gained."""
    if evidence.measurement.options.variant == "native":
        return None
    experiment = evidence.experiment("inputs-in-place")
    if experiment is None:
        return Unavailable("the experiment inputs-in-place was not made")
    share = carved_share(evidence, "copies")
    if share < MATTERS:
        return None
    size = _input_bytes(evidence)
    text = experiment.told + (f"; {format_bytes(size)} of inputs" if size else "")
    bound = evidence.experiment("inputs-bound")
    gain_ms = bound.gain_ms.value if bound else time_of(evidence.edge, "copies")
    confidence = Confidence.HIGH if bound else Confidence.MEDIUM
    remedy = setting(
        evidence,
        "write inputs into the engine's memory",
        {"variant": "bound"},
        gain_ms,
        confidence,
    )
    title = "inputs and outputs are copied"
    return cause(Rule(CAUSE, GROUP, SOURCE), title, share, text, remedy)


def _input_bytes(evidence: Evidence) -> int:
    sizes = {"float32": 4, "int32": 4, "float16": 2, "int64": 8}
    total = 0
    for spec in evidence.artifact.inputs if evidence.artifact else ():
        count = 1
        for length in spec.shape:
            count *= max(length, 1)
        total += count * sizes.get(spec.dtype, 1)
    return total
