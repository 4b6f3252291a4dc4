"""Batch size: what several samples per inference give in throughput."""

from __future__ import annotations

from edgekit.core.lag import Confidence, Finding, Remedy, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.judging import Rule, cause
from edgekit.explain.remedies import run_again

CAUSE = "software-batch"
GROUP = "software"
NEEDS = "the experiments batch-N"
SOURCE = "the sweep itself; MLPerf Inference rules tell latency and throughput apart"
BETTER = 1.1
"""Times the throughput from which waiting for a batch can be worth it."""


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """Latency and samples per second over the batch sizes that were measured."""
    sweep = evidence.experiments("batch-")
    if not sweep:
        return Unavailable("one batch size was measured; a sweep over several would tell")
    used = evidence.measurement.options.batch
    rows = [(int(e.change["batch"]), e.changed_ms.value) for e in sweep]
    rows = sorted([*rows, (used, sweep[0].base_ms.value)])
    text = ", ".join(f"{n}: {format_ms(ms)} ({n / ms * 1e3:.4g}/s)" for n, ms in rows if ms > 0)
    best, best_ms = max(rows, key=lambda row: row[0] / row[1])
    now = used / sweep[0].base_ms.value
    if best / best_ms < BETTER * now:
        return None
    factor = best / best_ms / now
    remedy = Remedy(
        f"compute {best} samples together where latency does not matter",
        run_again(evidence, {"batch": str(best)}),
        Unavailable("it gains throughput, not latency"),
        Confidence.HIGH,
    )
    unknown = Unavailable("it is a question of throughput")
    title = f"batch {best} gives {factor:.1f} times the throughput of {used}"
    rule = Rule(CAUSE, GROUP, SOURCE)
    return cause(rule, title, unknown, f"batch {text}", remedy, severity=Severity.INFO)
