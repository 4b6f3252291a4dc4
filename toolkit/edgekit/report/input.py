"""What a report is made of: any records that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgekit.core.artifact import ModelArtifact
from edgekit.core.comparison import Comparison
from edgekit.core.deploy import Deployment
from edgekit.core.lag import LagReport
from edgekit.core.measurement import Measurement
from edgekit.core.network import CloudTrip
from edgekit.core.record import Record


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
