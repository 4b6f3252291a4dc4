"""First inference: kernels are compiled or packed when the model first runs."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import NS_PER_MS, format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.remedies import folder_of

CAUSE = "software-first-inference"
GROUP = "software"
NEEDS = "the once-phase first_inference"
SOURCE = "TensorRT and OpenVINO documentation: kernels are compiled at the first inference"
MANY = 10
"""Times a steady inference: caches and page faults alone cost two to five of them."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """The first inference against the steady ones."""
    measured = evidence.measurement
    first_ns = measured.once_ns.get("first_inference")
    if first_ns is None:
        return Unavailable("the runner did not time the first inference")
    infer = sorted(measured.samples_ns["infer"])
    steady_ms = infer[len(infer) // 2] / NS_PER_MS
    first_ms = first_ns / NS_PER_MS
    if steady_ms <= 0 or first_ms < MANY * steady_ms:
        return None
    folder = folder_of(evidence)
    command = f"edgekit deploy {folder} --board {measured.board} --service" if folder else ""
    remedy = Remedy(
        "run one inference before the first request: the service does",
        command,
        first_ms - steady_ms,
        Confidence.HIGH,
    )
    text = f"first {format_ms(first_ms)}, then {format_ms(steady_ms)}"
    unknown = Unavailable("it happens once, not per inference")
    title = f"the first inference takes {first_ms / steady_ms:.0f} times a steady one"
    rule = Rule(CAUSE, GROUP, SOURCE)
    return cause(rule, title, unknown, text, remedy, severity=Severity.INFO)
