"""Pre- and post-processing: time around the inference."""

from __future__ import annotations

from edgekit.core.lag import Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.ledger import share_of

CAUSE = "software-pipeline"
GROUP = "software"
MATTERS = 0.15
SEVERE = 0.5


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """The share of preparing the input and reading the answer."""
    share = share_of(evidence.edge, "preprocess", "postprocess")
    if share < MATTERS:
        return None
    parts = ", ".join(
        f"{s.title} {format_ms(s.time_ms)}"
        for s in evidence.edge.shares
        if s.id in ("preprocess", "postprocess")
    )
    return Finding(
        CAUSE,
        GROUP,
        f"{share:.0%} of the time goes into preparing inputs and reading answers",
        Severity.SEVERE if share > SEVERE else Severity.WARNING,
        share,
        parts,
        "phases timed on the board",
        (
            Remedy(
                "prepare the next input while this one is computed",
                "edgekit run ARTIFACT --board BOARD --variant bound",
                evidence.edge.total_ms * share,
                Unavailable("not tried"),
            ),
        ),
    )
