"""Oversubscription: more threads of the engine than processors."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Severity
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, carved_share, cause
from edgekit.explain.ledger import time_of
from edgekit.explain.remedies import setting

CAUSE = "software-threads"
GROUP = "software"
NEEDS = "the board's facts: processors; the experiment threads-fit"
SOURCE = "microsoft/onnxruntime#13808: threads that share a processor wait for one another"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Threads of all streams against the processors that the runner may use."""
    facts = evidence.facts
    if facts is None:
        return Unavailable("the board's facts are not known")
    options = evidence.measurement.options
    threads = options.threads * options.concurrency
    if threads <= facts.cpu_count:
        return None
    rule = Rule(CAUSE, GROUP, SOURCE)
    text = f"{threads} threads on {facts.cpu_count} processors"
    experiment = evidence.experiment("threads-fit")
    fit = max(facts.cpu_count // options.concurrency, 1)
    change = {"threads": str(fit)}
    if experiment is None:
        waited = carved_share(evidence, "waiting")
        remedy = setting(evidence, f"use {fit} threads", change, time_of(evidence.edge, "waiting"))
        severity = Severity.WARNING
        return cause(rule, text, waited, text, remedy, severity=severity)
    spent_ms = time_of(evidence.edge, "oversubscription")
    share = carved_share(evidence, "oversubscription")
    if not spent_ms:
        return None
    remedy = setting(evidence, f"use {fit} threads", change, spent_ms, Confidence.HIGH)
    return cause(rule, text, share, experiment.told, remedy)
