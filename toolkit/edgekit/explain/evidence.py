"""What rules look at."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.core.artifact import ModelArtifact, ModelStructure
from edgekit.core.board import BoardFacts
from edgekit.core.lag import Calibration, Experiment, Ledger
from edgekit.core.measurement import Measurement
from edgekit.core.network import CloudTrip
from edgekit.core.operations import OperationProfile
from edgekit.core.profile import DeviceProfile
from edgekit.core.record import Unavailable


@dataclass(frozen=True)
class Records:
    """What is known beside the measurement; everything may be missing."""

    trips: tuple[CloudTrip, ...] = ()
    artifact: ModelArtifact | None = None
    profile: DeviceProfile | None = None
    facts: BoardFacts | None = None
    operations: OperationProfile | None = None
    """Times per operation, from a run of their own."""
    calibration: Calibration | None = None
    experiments: tuple[Experiment, ...] = ()
    folder: str = ""
    """Where the artifact lies, for commands; empty takes what the measurement says."""


@dataclass(frozen=True)
class Evidence:
    """The records of one question: why is this model slow there?"""

    measurement: Measurement
    edge: Ledger
    records: Records = Records()
    clouds: tuple[Ledger, ...] = ()
    """Ledgers of the trips, in the same order."""

    @property
    def trips(self) -> tuple[CloudTrip, ...]:
        """Requests to a cloud endpoint."""
        return self.records.trips

    @property
    def profile(self) -> DeviceProfile | None:
        """What the board type can do."""
        return self.records.profile

    @property
    def facts(self) -> BoardFacts | None:
        """What the board says about itself."""
        return self.records.facts

    @property
    def artifact(self) -> ModelArtifact | None:
        """The card of the model that was measured."""
        return self.records.artifact

    @property
    def structure(self) -> ModelStructure | None:
        """The model's structure where it is known."""
        if self.artifact is None or isinstance(self.artifact.structure, Unavailable):
            return None
        return self.artifact.structure

    @property
    def is_stand_in(self) -> bool:
        """True when another machine than the profile's board was measured."""
        return any(note.id in ("stand-in", "emulated") for note in self.measurement.validity)

    def experiment(self, name: str) -> Experiment | None:
        """An experiment that was made, by its id."""
        return next((e for e in self.records.experiments if e.id == name), None)

    def experiments(self, prefix: str) -> tuple[Experiment, ...]:
        """Experiments whose id begins so."""
        return tuple(e for e in self.records.experiments if e.id.startswith(prefix))
