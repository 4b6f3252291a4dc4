"""How a number came about."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """Every shown number carries one of these."""

    MEASURED = "measured"
    """Timed on the machine it is claimed for."""
    EMULATED = "emulated"
    """Timed on an emulated machine: relative statements only, never a real board's speed."""
    SIMULATED = "simulated"
    """Computed by a simulator from a description of the hardware."""
    PREDICTED = "predicted"
    """Derived from a model of the hardware without running there."""
