"""What is asked of a conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgekit.core.artifact import PipelineSpec

NO_PIPELINE = PipelineSpec(kind="tensor")


@dataclass(frozen=True)
class ConvertRequest:
    """A model with everything that decides what becomes of it."""

    model: Path
    profile: str
    recipe: str = "auto"
    engine: str = ""
    """Engine id; empty takes the profile's order of preference."""
    route: tuple[str, ...] = ()
    """Names of steps that the way to the format has to have; empty takes the cheapest."""
    calibration: Path | None = None
    """An .npz, .npy or .csv, a folder of pictures or .wav files, or a Python loader."""
    data: Path | None = None
    """The same with labels, for the accuracy."""
    label: str = ""
    """The label's column or array; empty takes the usual names."""
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Input name to shape, for models with free dimensions."""
    weights: Path | None = None
    """State dict for a PyTorch builder file."""
    pipeline: PipelineSpec = NO_PIPELINE
    trust: bool = False
    """Allows running code that the model file brings along."""
    name: str = ""
    licence: str = ""
    """Of the model, SPDX; empty takes what the file states."""
    proof: bool = True
    """Runs the artifact in the runtime versions of the profile's boards before it is given out."""
    keep_float: tuple[str, ...] = ()
    """Layers that a static recipe leaves in float32, by name."""
    debug_layers: bool = False
    """Measures which layers make the quantized model's error."""
    metric: str = "top-1"
    """top-1, top-5, f1, or FILE.py:FUNCTION of a person's own."""
    expect_accuracy: float | None = None
    """What the original reaches on ``data``, 0..1; checked before anything is converted."""
    max_drop_points: float | None = None
    """Budget: largest loss of accuracy in percentage points on ``data``."""
    min_agreement: float | None = None
    """Budget: smallest share of samples, 0..1, with the original's arg-max."""

    @property
    def has_budget(self) -> bool:
        """True when a budget decides which recipe is taken."""
        return self.max_drop_points is not None or self.min_agreement is not None
