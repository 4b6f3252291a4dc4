"""The project file edgekit.toml: what a folder's model, board and data are."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from edgekit.core.profile import FORBID_EXTRA
from edgekit.profiles.validated import read_toml

PROJECT_FILE = "edgekit.toml"


@dataclass(frozen=True)
class ModelSection:
    """``[model]``."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    path: str
    weights: str = ""
    shape: dict[str, str] = field(default_factory=dict)
    """Input name to a shape such as 1x3x224x224."""
    trust: bool = False


@dataclass(frozen=True)
class ConvertSection:
    """``[convert]``."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    profile: str = ""
    recipe: str = ""
    engine: str = ""
    calibration: str = ""
    data: str = ""
    pipeline: str = ""
    out: str = ""


@dataclass(frozen=True)
class TargetSection:
    """``[target]``: where to run and what to compare with."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    board: str = ""
    cloud: str = ""
    networks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Project:
    """A project file. Paths are relative to its folder."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    model: ModelSection
    convert: ConvertSection = ConvertSection()
    target: TargetSection = TargetSection()


def load_project(folder: Path) -> Project | None:
    """The project file of a folder, or None when there is none.

    Raises:
        ConfigError: it does not validate.
    """
    path = folder / PROJECT_FILE
    return read_toml(Project, path) if path.exists() else None
