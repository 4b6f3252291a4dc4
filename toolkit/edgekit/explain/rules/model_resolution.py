"""Oversized input: a classifier that looks at far more pixels than its kind needs."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.ledger import compute_ms, time_of

CAUSE = "model-resolution"
GROUP = "model"
NEEDS = "the artifact's card: inputs, outputs"
SOURCE = (
    "Tan & Le, EfficientNet, ICML 2019: 224 pixels are the base, arithmetic grows with the "
    "square; Touvron et al., NeurIPS 2019"
)
USUAL_PIXELS = 224
LARGE = 2.0
"""Times the usual area: EfficientNet-B4 (380 pixels) gains 6 points for 2.9 times the area, at eight
times the arithmetic."""
CHANNELS = (1, 3, 4)


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """The area of a picture input against the usual one, for models that give scores."""
    card = evidence.artifact
    if card is None:
        return Unavailable("the artifact is not known")
    shape = card.inputs[0].shape
    if len(shape) != 4 or any(len(spec.shape) > 2 for spec in card.outputs):
        return None
    side = shape[1:3] if shape[3] in CHANNELS else shape[2:4]
    area = side[0] * side[1]
    if min(side) <= 0 or area < LARGE * USUAL_PIXELS**2:
        return None
    saved = 1 - USUAL_PIXELS**2 / area
    scaled_ms = compute_ms(evidence.edge) + time_of(evidence.edge, "preprocess", "copies")
    gain_ms = saved * scaled_ms
    share = gain_ms / evidence.edge.total_ms if evidence.edge.total_ms > 0 else 0.0
    text = (
        f"{side[0]} x {side[1]} pixels, {area / USUAL_PIXELS**2:.1f} times the area of "
        f"{USUAL_PIXELS} x {USUAL_PIXELS}; {format_ms(scaled_ms)} grow with it"
    )
    remedy = Remedy(
        f"train or export the model for {USUAL_PIXELS} x {USUAL_PIXELS} pixels", "", gain_ms,
        Confidence.MEDIUM,
    )  # fmt: skip
    title = "the input is larger than its kind of model needs"
    return cause(Rule(CAUSE, GROUP, SOURCE), title, share, text, remedy)
