"""Processor, clock and cores: how far the measured time is from what the cores can do."""

from __future__ import annotations

from edgekit.core.lag import Finding, Severity
from edgekit.core.record import Unavailable
from edgekit.core.units import format_ms
from edgekit.explain.evidence import Evidence
from edgekit.explain.ledger import share_of

CAUSE = "hardware-arithmetic"
GROUP = "hardware"


def judge(evidence: Evidence) -> Finding | Unavailable | None:
    """The floor of the arithmetic on the threads in use, against the computing time."""
    structure, profile = evidence.structure, evidence.profile
    if structure is None or profile is None:
        return Unavailable("the artifact's structure or the profile is not known")
    if evidence.is_stand_in:
        return Unavailable("the figures are not those of a real board of the profile")
    is_int8 = evidence.measurement.model.get("recipe") == "int8-static"
    cluster = profile.cores[0]
    rate = cluster.macs_per_cycle_i8 if is_int8 else cluster.macs_per_cycle_f32
    if rate is None:
        return Unavailable(f"the profile does not say what a {cluster.kind} computes per cycle")
    threads = min(evidence.measurement.options.threads, cluster.count)
    per_ms = rate * cluster.clock_mhz * 1e3 * threads
    floor_ms = structure.macs / per_ms
    compute_ms = evidence.edge.total_ms * share_of(evidence.edge, "engine-compute")
    factor = compute_ms / floor_ms if floor_ms > 0 else 0.0
    text = (
        f"{threads} x {cluster.kind} at {cluster.clock_mhz} MHz need at least "
        f"{format_ms(floor_ms)}; measured {format_ms(compute_ms)}, {factor:.1f} times the floor"
    )
    return Finding(
        CAUSE,
        GROUP,
        "the arithmetic bounds the inference" if factor < 2 else "the cores could do more",
        Severity.INFO,
        min(floor_ms / evidence.edge.total_ms, 1.0) if evidence.edge.total_ms > 0 else 0.0,
        text,
        "roofline model: Williams et al., CACM 2009; cores from the profile",
    )
