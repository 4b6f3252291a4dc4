"""What rules look at."""

from __future__ import annotations

from dataclasses import dataclass

from edgekit.core.artifact import ModelArtifact, ModelStructure
from edgekit.core.board import BoardFacts
from edgekit.core.lag import Ledger
from edgekit.core.measurement import Measurement
from edgekit.core.network import CloudTrip
from edgekit.core.profile import DeviceProfile
from edgekit.core.record import Unavailable


@dataclass(frozen=True)
class Evidence:
    """The records of one question: why is this model slow there?"""

    measurement: Measurement
    edge: Ledger
    trips: tuple[CloudTrip, ...] = ()
    clouds: tuple[Ledger, ...] = ()
    """Ledgers of the trips, in the same order."""
    artifact: ModelArtifact | None = None
    profile: DeviceProfile | None = None
    facts: BoardFacts | None = None

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
