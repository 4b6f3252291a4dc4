"""Silent fallback: operations run elsewhere, or in another precision, than was asked for."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.remedies import UNKNOWN_GAIN, convert_again

CAUSE = "software-fallback"
GROUP = "software"
NEEDS = "where the engine says that operations ran; stored weights by dtype"
SOURCE = (
    "ONNX Runtime documentation, execution providers: nodes they cannot run fall back to the CPU"
)
INTEGERS = ("int8", "uint8", "int4", "int16")
FLOATS = ("float32", "float16")
MOSTLY = 0.5
"""Share of the weights' bytes in float from which an int8 recipe did not do what its name says."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """The engine's word on fallbacks, and float weights in an int8 artifact."""
    measured = evidence.measurement
    rule = Rule(CAUSE, GROUP, SOURCE)
    if measured.fallback:
        share = _share_outside(evidence)
        remedy = Remedy(
            "convert so that every operation is one that the engine has there",
            convert_again(evidence, engine=measured.engine),
            UNKNOWN_GAIN,
            Confidence.LOW,
        )
        title = "a part of the model does not run where it was asked to"
        text = measured.fallback
        return cause(rule, title, share, text, remedy, severity=Severity.WARNING)
    if not measured.placement and evidence.artifact is None:
        return Unavailable("the engine does not say where operations run")
    return _float_inside(rule, evidence)


def _share_outside(evidence: Evidence) -> float | Unavailable:
    profile = evidence.records.operations
    if profile is None:
        return Unavailable("operations were not timed: edgekit run --profile-ops")
    outside = [o.share for o in profile.operations if "CPU" in o.where or "built-in" in o.where]
    if not outside:
        return Unavailable("the profile does not say where operations ran")
    return min(sum(outside), 1.0)


def _float_inside(rule: Rule, evidence: Evidence) -> Finding | None:
    card = evidence.artifact
    if (
        card is None
        or isinstance(card.contents, Unavailable)
        or not card.recipe.startswith("int8-static")
    ):
        return None
    sizes = card.contents.weights_bytes
    floats = sum(size for dtype, size in sizes.items() if dtype in FLOATS)
    total = floats + sum(size for dtype, size in sizes.items() if dtype in INTEGERS)
    if not total or floats / total < MOSTLY:
        return None
    title = "an int8 model whose weights are mostly float"
    text = f"{floats / total:.0%} of the weights' bytes are float"
    unknown = Unavailable("what they would take in int8 was not measured")
    remedy = Remedy(
        "convert again and read its warnings",
        convert_again(evidence, recipe="int8-static"),
        UNKNOWN_GAIN,
        Confidence.LOW,
    )
    return cause(rule, title, unknown, text, remedy, severity=Severity.WARNING)
