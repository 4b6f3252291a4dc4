"""Pre- and post-processing: time around the inference."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.ledger import share_of, time_of
from edgekit.explain.remedies import run_again

CAUSE = "software-pipeline"
GROUP = "software"
NEEDS = "phases timed on the board"
SOURCE = "ultralytics/ultralytics#17348: models change places once these phases are counted"
MATTERS = 0.15
"""Decoding and scaling of a picture take about a tenth of MobileNet's time on a Pi 4; above it the
steps themselves deserve a look."""
TITLES = {"preprocess": "preparing the input", "postprocess": "reading the answer"}


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """The shares of preparing inputs and reading answers."""
    spent = {name: time_of(evidence.edge, name) for name in TITLES}
    share = share_of(evidence.edge, *TITLES)
    if share < MATTERS:
        return None
    longest = max(spent, key=lambda name: spent[name])
    text = ", ".join(f"{TITLES[name]} {format_ms(value)}" for name, value in spent.items())
    own = evidence.artifact is not None and evidence.artifact.pipeline.kind == "python"
    where = "your pipeline.py" if own else "the pipeline"
    gain_ms = sum(spent.values())
    remedy = Remedy(
        f"make {longest}() in {where} cheaper (look-up tables, smaller decode, no Python loops)",
        run_again(evidence, {"variant": "native"}),
        gain_ms,
        Confidence.MEDIUM,
    )
    title = f"{share:.0%} of the time is not inference: mostly {TITLES[longest]}"
    return cause(Rule(CAUSE, GROUP, SOURCE), title, share, text, remedy)
