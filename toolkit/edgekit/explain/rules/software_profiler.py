"""Profiler overhead: the run was timed while the engine profiled it."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.remedies import run_again

CAUSE = "software-profiler"
GROUP = "software"
NEEDS = "the engine's own word on its profiler; the inflation that a profile measured"
SOURCE = "microsoft/onnxruntime#20238: 810 us became 2330 us under the profiler"
ON = ("on", "true", "1", "yes")


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """A profiler that was on, and by how much it inflates."""
    measured = evidence.measurement
    told = measured.engine_details.get("profiling")
    if told is None and not measured.engine_details:
        return Unavailable("the engine says nothing about its settings")
    if told is None or told.lower() not in ON:
        return None
    profile = evidence.records.operations
    share: float | Unavailable = Unavailable("no run without the profiler is at hand")
    text, gain_ms = "the engine reports profiling as on", share
    if profile is not None and profile.inflation > 1:
        share = 1 - 1 / profile.inflation
        gain_ms = share * evidence.edge.total_ms
        text += f"; an inference takes {profile.inflation:.2f} times as long under it"
        text += f", {format_ms(gain_ms)} of this one"
    remedy = Remedy("time without it", run_again(evidence, {}), gain_ms, Confidence.MEDIUM)
    rule = Rule(CAUSE, GROUP, SOURCE)
    severity = Severity.WARNING
    return cause(rule, "the profiler is timed, too", share, text, remedy, severity=severity)
