"""Ledgers, then every rule over them; causes with the most time first."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType

from edgekit.core.artifact import ModelArtifact
from edgekit.core.errors import ConfigError, NotComparable
from edgekit.core.lag import Finding, LagReport, Severity
from edgekit.core.measurement import Measurement
from edgekit.core.plugins import plugins
from edgekit.core.record import Unavailable
from edgekit.core.suggest import did_you_mean
from edgekit.explain.evidence import Evidence, Records
from edgekit.explain.ledger import central, cloud_ledger, edge_ledger
from edgekit.explain.roof import roofline

Judge = Callable[[Evidence], Finding | Unavailable | None]
ORDER = (Severity.SEVERE, Severity.WARNING, Severity.INFO)


def explain(measurement: Measurement, records: Records | None = None) -> LagReport:
    """Says where the time goes and which causes the rules see. Pure.

    Raises:
        NotComparable: the records are not of one model and board.
    """
    known = records or Records()
    _require_same(measurement, known)
    edge = edge_ledger(measurement, known)
    clouds = tuple(cloud_ledger(trip) for trip in known.trips)
    evidence = Evidence(measurement, edge, known, clouds)
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
    return LagReport(
        measurement.id,
        (edge, *clouds),
        tuple(findings),
        tuple(unavailable),
        known.experiments,
        roofline(measurement, known, central(measurement.samples_ns["infer"])[0]),
    )


def _require_same(measurement: Measurement, known: Records) -> None:
    if known.artifact is not None:
        _require_card(measurement, known.artifact)
    model = measurement.model.get("sha256")
    for name, other in (("profile of operations", known.operations),):
        if other is not None and model and other.model.get("sha256") not in (None, model):
            raise NotComparable(
                f"{measurement.id} measured {model[:12]}, the {name} is of another model",
                hint="make it of the same artifact: edgekit run --profile-ops",
            )
    for name, board in (
        ("profile of operations", known.operations and known.operations.board),
        ("calibration", known.calibration and known.calibration.board),
    ):
        if board and board != measurement.board:
            raise NotComparable(
                f"{measurement.id} was measured on {measurement.board}, the {name} is of {board}",
                hint="name the records of one board",
            )
    machine = known.calibration.machine if known.calibration else measurement.machine
    if machine != measurement.machine:
        raise NotComparable(
            f"{measurement.id} was measured on {measurement.machine}, the calibration on {machine}",
            hint="calibrate again: edgekit explain --recalibrate",
        )


def _require_card(measurement: Measurement, artifact: ModelArtifact) -> None:
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


def find_rule(cause: str) -> ModuleType:
    """The rule with that id.

    Raises:
        ConfigError: there is none.
    """
    known = {str(rule.CAUSE): rule for rule in all_rules()}
    if cause not in known:
        raise ConfigError(
            f"no rule is called {cause!r}",
            hint=f"{did_you_mean(cause, known)}  (edgekit rules list)",
        )
    return known[cause]


def _weight(finding: Finding) -> tuple[bool, float, int, str]:
    share = 0.0 if isinstance(finding.share, Unavailable) else finding.share
    is_fact = finding.severity is Severity.INFO
    return is_fact, -share, ORDER.index(finding.severity), finding.rule
