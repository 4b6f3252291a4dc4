"""Reads an artifact folder: its card, and its files as sources."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from edgekit.boards.runner_archive import runner_archive
from edgekit.boards.sources import BytesSource, FileSource, Source, file_source
from edgekit.core.artifact import ModelArtifact
from edgekit.core.errors import ConfigError, VerificationFailed
from edgekit.core.record import load
from edgekit_runner import wire

APP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def app_name(model_name: str) -> str:
    """A model's name as the name of an application: letters, digits, dots, dashes.

    Example:
        >>> app_name("my model (v2)")
        'my-model-v2'
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", model_name).strip("-._")
    return plain[:100] or "model"


def require_app(app: str) -> str:
    """The name when it can be one of an application.

    Raises:
        ConfigError: it cannot.
    """
    if not APP.fullmatch(app):
        raise ConfigError(
            f"an application cannot be called {app!r}", hint="--app NAME: letters, digits, . _ -"
        )
    return app


def load_card(folder: Path) -> ModelArtifact:
    """The card of an artifact folder.

    Raises:
        ConfigError: there is none, or it names files outside the folder.
    """
    path = folder / wire.CARD_FILE
    if not path.is_file():
        raise ConfigError(
            f"{folder} is not an artifact: it has no {wire.CARD_FILE}",
            hint="make one: edgekit convert MODEL --profile raspberrypi --out artifact",
        )
    card = load(ModelArtifact, path)
    for name in (card.model, *(entry.path for entry in card.files)):
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts:
            raise ConfigError(
                f"{path} names {name!r}, which lies outside the artifact",
                hint="do not use this artifact; convert the model again",
            )
    if card.model not in {entry.path for entry in card.files}:
        raise ConfigError(f"{path} names the model {card.model!r}, which is not among its files")
    return card


def read_sources(folder: Path, card: ModelArtifact) -> dict[str, Source]:
    """Path to content of everything a release holds.

    Raises:
        VerificationFailed: a file is missing or is not the one that the card names.
    """
    sources: dict[str, Source] = {}
    for entry in card.files:
        path = folder / entry.path
        found: FileSource | None = file_source(path) if path.is_file() else None
        if found is None or found.sha256 != entry.sha256:
            what = "has changed since it was converted" if found else "is missing"
            raise VerificationFailed(
                f"{path} {what}", hint="convert the model again: edgekit convert MODEL ..."
            )
        sources[entry.path] = found
    sources[wire.CARD_FILE] = file_source(folder / wire.CARD_FILE)
    sources[wire.RUNNER_FILE] = BytesSource(runner_archive())
    return sources
