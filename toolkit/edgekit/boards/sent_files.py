"""Files that were sent to boards, kept on the host so that the next version can be a difference."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from edgekit.boards.sources import Source
from edgekit.toolenvs.environment import cache_folder

SMALLEST_BYTES = 64_000
"""Differences of smaller files spare nothing that a person would notice."""
LARGEST_BYTES = 512_000_000
"""A difference is made in memory."""
MAX_TOTAL_BYTES = 2_000_000_000
"""The oldest go first."""


def recall(sha256: str) -> bytes | None:
    """The content of a file that was sent once; None when it is no longer there, or damaged."""
    path = _folder() / sha256
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(data).hexdigest() != sha256:
        path.unlink(missing_ok=True)
        return None
    return data


def remember(source: Source) -> None:
    """Keeps a file for later differences; best effort, a full disk is no failure."""
    if not SMALLEST_BYTES <= source.size_bytes <= LARGEST_BYTES:
        return
    folder = _folder()
    path = folder / source.sha256
    part = folder / f".{source.sha256}-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            os.utime(path)
            return
        with source.open() as stream, part.open("wb") as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)
        part.replace(path)
        _forget_oldest(folder)
    except OSError:
        part.unlink(missing_ok=True)


def _forget_oldest(folder: Path) -> None:
    known = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    total = 0
    for path in known:
        total += path.stat().st_size
        if total > MAX_TOTAL_BYTES:
            path.unlink(missing_ok=True)


def _folder() -> Path:
    return cache_folder() / "sent"
