"""What a report is made of: any records that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgekit.core.artifact import ModelArtifact
from edgekit.core.board import BoardFacts
from edgekit.core.comparison import Comparison
from edgekit.core.deploy import Deployment
from edgekit.core.gate import Gate
from edgekit.core.lag import LagReport
from edgekit.core.load import LoadSweep
from edgekit.core.measurement import Measurement
from edgekit.core.network import CloudTrip
from edgekit.core.operations import OperationProfile
from edgekit.core.record import Record
from edgekit.core.run_set import RunSet
from edgekit.core.selection import Selection


@dataclass(frozen=True)
class ReportInput(Record):
    """Records of one question; those that are missing leave their section out."""

    KIND: ClassVar[str] = "edgekit.report"

    title: str
    artifact: ModelArtifact | None = None
    deployment: Deployment | None = None
    measurement: Measurement | None = None
    trips: tuple[CloudTrip, ...] = ()
    comparison: Comparison | None = None
    lag: LagReport | None = None
    more_measurements: tuple[Measurement, ...] = ()
    """Other runs to be shown beside the one that the report is about."""
    run_set: RunSet | None = None
    selection: Selection | None = None
    operations: OperationProfile | None = None
    load: LoadSweep | None = None
    facts: BoardFacts | None = None
    gates: tuple[Gate, ...] = ()
    """Budgets that were judged."""
