"""What a real model is, and where its files lie."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from edgekit.toolenvs.environment import cache_folder

Progress = Callable[[str], None]


class Metric(StrEnum):
    """What a model's quality is told by on its evaluation set."""

    ACCURACY = "accuracy"
    """Share of samples whose highest score is the label."""
    AGREEMENT = "agreement"
    """Share of samples whose highest score is the original's."""
    DECISION = "decision"
    """Share of samples on the same side of 0.5 as the original's first output."""
    RETRIEVAL = "retrieval"
    """Share of samples whose nearest neighbour among all is the original's."""


@dataclass(frozen=True)
class RealModel:
    """A trained model with samples to calibrate and to judge it."""

    name: str
    model: Path
    calibration: Path
    evaluation: Path
    metric: Metric
    pipeline: str = ""
    """How pictures become inputs, as ``--pipeline`` takes it."""
    shapes: tuple[str, ...] = ()
    """As ``--shape`` takes them."""
    is_trusted: bool = False
    """The file carries code (a pickle), so it needs ``--trust``."""
    about: str = ""


def folder_of(name: str) -> Path:
    """The model's folder in the cache, made when it is not there."""
    folder = cache_folder() / "real-models" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path to write to that becomes ``path`` once the block ended well."""
    part = path.with_name("part-" + path.name)
    yield part
    os.replace(part, path)
