"""What is asked of a compression."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edgekit.compress.targets import Target
from edgekit.convert.request import NO_PIPELINE
from edgekit.core.artifact import PipelineSpec
from edgekit.core.compression import Timing

Progress = Callable[[str], None]
Timer = Callable[[Path], Timing]
"""Times a model file (.pt2) where it is to run."""

DEFAULT_MULTIPLE = 8


@dataclass(frozen=True)
class Training:
    """How models are trained in every step."""

    epochs: int = 3
    learning_rate: float = 1e-3
    batch: int = 64
    seed: int = 0
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    samples: int = 50_000
    """At most so many samples of the data train."""


@dataclass(frozen=True)
class Subject:
    """A model with the data that trains and judges it."""

    model: Path
    data: Path
    validation: Path | None = None
    """Judges in the place of a tenth of ``data``."""
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    weights: Path | None = None
    trust: bool = False
    label: str = ""
    pipeline: PipelineSpec = NO_PIPELINE
    training: Training = Training()


@dataclass(frozen=True)
class PruneRequest:
    """Channels to be taken from a model."""

    subject: Subject
    target: Target
    max_drop_points: float = 1.0
    importance: str = "taylor"
    multiple: int = DEFAULT_MULTIPLE
    rounds: int = 0
    """0 takes about a fifth of the multiply-accumulates per round."""
