"""Ledgers, then every rule over them; findings with the most time first."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType

from edgekit.core.artifact import ModelArtifact
from edgekit.core.board import BoardFacts
from edgekit.core.errors import NotComparable
from edgekit.core.lag import Finding, LagReport, Severity
from edgekit.core.measurement import Measurement
from edgekit.core.network import CloudTrip
from edgekit.core.plugins import plugins
from edgekit.core.profile import DeviceProfile
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Evidence
from edgekit.explain.ledger import cloud_ledger, edge_ledger

Judge = Callable[[Evidence], Finding | Unavailable | None]
ORDER = (Severity.SEVERE, Severity.WARNING, Severity.INFO)


def explain(
    measurement: Measurement,
    trips: tuple[CloudTrip, ...] = (),
    *,
    artifact: ModelArtifact | None = None,
    profile: DeviceProfile | None = None,
    facts: BoardFacts | None = None,
) -> LagReport:
    """Says where the time goes and which causes the rules see. Pure.

    Raises:
        NotComparable: the artifact is not the one that was measured.
    """
    if artifact is not None:
        _require_same(measurement, artifact)
    edge = edge_ledger(measurement)
    clouds = tuple(cloud_ledger(trip) for trip in trips)
    evidence = Evidence(measurement, edge, trips, clouds, artifact, profile, facts)
    findings: list[Finding] = []
    unavailable: list[tuple[str, str]] = []
    for rule in all_rules():
        judge: Judge = rule.judge
        found = judge(evidence)
        if isinstance(found, Unavailable):
            unavailable.append((rule.CAUSE, found.reason))
        elif found is not None:
            findings.append(found)
    findings.sort(key=_weight)
    return LagReport(measurement.id, (edge, *clouds), tuple(findings), tuple(unavailable))


def _require_same(measurement: Measurement, artifact: ModelArtifact) -> None:
    """A card describes one model file; another file's layers would explain nothing."""
    main = next((entry for entry in artifact.files if entry.path == artifact.model), None)
    measured = measurement.model.get("sha256")
    if main is not None and measured and main.sha256 != measured:
        raise NotComparable(
            f"{measurement.id} measured {measurement.model['name']} ({measured[:12]}), the artifact "
            f"is {artifact.name} ({main.sha256[:12]})",
            hint="give the folder that was measured, or measure this one: "
            f"edgekit run ARTIFACT --board {measurement.board}",
        )


@cache
def all_rules() -> tuple[ModuleType, ...]:
    """Every rule, ours and other packages'."""
    return tuple(plugins("edgekit.explain.rules", having="judge").values())


def _weight(finding: Finding) -> tuple[float, int, str]:
    share = 0.0 if isinstance(finding.share, Unavailable) else finding.share
    return -share, ORDER.index(finding.severity), finding.rule
