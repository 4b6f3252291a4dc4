"""Rollouts for other people's tools, one file each: ``files(export) -> {path: content}``.

Each of them brings a bundle file to the board and runs the same installer there: the runner's
``apply``.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgekit.boards.bundle_file import read_bundle_file
from edgekit.boards.runner_archive import runner_archive
from edgekit.core.board import BoardEntry
from edgekit.core.errors import ConfigError
from edgekit.core.fleet import RolloutPolicy
from edgekit.core.plugins import plugin_paths
from edgekit.core.record import write_atomically
from edgekit.core.suggest import did_you_mean

BUNDLE = "bundle.edgekit"
RUNNER = "runner.pyz"


@dataclass(frozen=True)
class Export:
    """What is rolled out to whom."""

    app: str
    release: str
    """Id of the bundle's first release: the version that other tools show."""
    profile: str
    boards: tuple[BoardEntry, ...]
    policy: RolloutPolicy


def export_names() -> tuple[str, ...]:
    """Tools that can be exported to."""
    return tuple(plugin_paths(__name__))


def write_export(
    to: str, bundle: Path, folder: Path, boards: tuple[BoardEntry, ...], policy: RolloutPolicy
) -> tuple[Path, ...]:
    """Writes everything that a tool needs into a folder.

    Raises:
        ConfigError: the tool is unknown, or the file is no bundle file.
    """
    if to not in export_names():
        raise ConfigError(f"there is no export to {to!r}", hint=did_you_mean(to, export_names()))
    releases = read_bundle_file(bundle)
    first = releases[0]
    export = Export(first.bundle.app, first.id, first.bundle.profile, boards, policy)
    module = importlib.import_module(plugin_paths(__name__)[to])
    texts: Mapping[str, str] = module.files(export)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, text)
        (folder / name).chmod(0o755 if text.startswith("#!") else 0o644)
    (folder / RUNNER).write_bytes(runner_archive())
    part = folder / f".{BUNDLE}.part"
    with open(bundle, "rb") as source, open(part, "wb") as target:
        while block := source.read(1 << 20):
            target.write(block)
    part.replace(folder / BUNDLE)
    return tuple(sorted(folder / name for name in (*texts, RUNNER, BUNDLE)))
