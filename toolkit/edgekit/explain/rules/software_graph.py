"""Graph optimization: fusion switched off, or a delegate that is not used."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Severity
from edgekit.core.record import Unavailable
from edgekit.explain.edge_parts import counts
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, carved_share, cause
from edgekit.explain.remedies import setting

CAUSE = "software-graph"
GROUP = "software"
NEEDS = "the run's engine options; the experiment optimized"
SOURCE = "ONNX Runtime documentation, graph optimizations: all levels are on by default"
BEST = {"optimization": "all", "delegate": "xnnpack"}
"""Engine options to their fastest value."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """What the engine's full optimization gained."""
    options = evidence.measurement.options.engine_options
    lowered = {k: v for k, v in options.items() if k in BEST and v != BEST[k]}
    if not lowered:
        return None
    rule = Rule(CAUSE, GROUP, SOURCE)
    said = ", ".join(f"{name}={value}" for name, value in lowered.items())
    change = {f"engine_option.{name}": BEST[name] for name in lowered}
    title = f"the graph is not optimized ({said})"
    experiment = evidence.experiment("optimized")
    if experiment is None:
        unknown = Unavailable("the experiment optimized was not made")
        remedy = setting(evidence, "let the engine optimize", change)
        return cause(rule, title, unknown, said, remedy, severity=Severity.WARNING)
    if not counts(experiment):
        return None
    gain_ms = experiment.gain_ms.value
    remedy = setting(evidence, "let the engine optimize", change, gain_ms, Confidence.HIGH)
    return cause(rule, title, carved_share(evidence, "unoptimized"), experiment.told, remedy)
