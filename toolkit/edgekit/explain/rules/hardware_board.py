"""Wrong board or userland: less than the profile promises, or 32-bit on a 64-bit processor."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.remedies import UNKNOWN_GAIN, probe

CAUSE = "hardware-board"
GROUP = "hardware"
NEEDS = "the board's facts"
SOURCE = (
    "ultralytics/ultralytics#21167: a Pi 4 taken for a Pi 5; ggml: 32-bit ARM lacks dot products"
)
ARM64, ARM32 = "aarch64", ("armv7l", "armv6l", "armhf")


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """The validity note on a wrong board, and the userland against the kernel."""
    facts = evidence.facts
    rule = Rule(CAUSE, GROUP, SOURCE)
    share = Unavailable("what the right one would take was not measured")
    wrong = next((n for n in evidence.measurement.validity if n.id == "wrong-board"), None)
    if wrong is not None:
        remedy = Remedy("name its real profile", probe(evidence), UNKNOWN_GAIN, Confidence.LOW)
        title = "the board is not what its profile says"
        return cause(rule, title, share, wrong.message, remedy, severity=Severity.SEVERE)
    if facts is None:
        return Unavailable("the board's facts are not known")
    if facts.kernel_arch != ARM64 or facts.arch not in ARM32:
        return None
    remedy = Remedy(
        "install the 64-bit system image, then look again",
        probe(evidence),
        UNKNOWN_GAIN,
        Confidence.LOW,
    )
    text = f"userland {facts.arch} on a {facts.kernel_arch} kernel ({facts.cpu_model})"
    title = "a 32-bit userland on a 64-bit processor"
    return cause(rule, title, share, text, remedy, severity=Severity.WARNING)
