"""Writes that a power cut cannot halve: data, fsync, rename, fsync of the folder.

Every function here leaves on disk, at whatever instant the power goes, what was there before or
what it was asked for. The order is checked by tests/runner/crash_states.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from typing import Iterable, Iterator

BLOCK_BYTES = 1 << 20


def make_folder(path: str) -> None:
    """Makes a folder and its parents durable."""
    missing = []
    while path and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        sync_folder(os.path.dirname(folder))


def write_file(path: str, data: bytes) -> None:
    """Replaces a file as a whole."""
    temporary = path + ".new"
    with open(temporary, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)
    sync_folder(os.path.dirname(path))


def write_link(target: str, path: str) -> None:
    """Replaces a symbolic link as a whole."""
    temporary = os.path.join(os.path.dirname(path), ".%s.new" % os.path.basename(path))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.replace(temporary, path)
    sync_folder(os.path.dirname(path))


def place(blob: str, target: str) -> None:
    """Puts a hard link to a durable blob, or a copy, in place of a file; syncs no folder."""
    temporary = target + ".new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    try:
        os.link(blob, temporary)
    except OSError:
        shutil.copyfile(blob, temporary)
        sync_file(temporary)
    os.replace(temporary, target)


def remove_marked(path: str, mark: str) -> None:
    """Removes a folder whose mark says that it is whole: the mark first, so it never lies."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(path, mark))
        sync_folder(path)
    shutil.rmtree(path, ignore_errors=True)


def sync_tree(folder: str) -> None:
    """Makes a folder with everything in it durable, files before the folders that name them.

    ``os.sync`` writes thousands of files in one go but cannot report a bad disk; the fsyncs after
    it find everything clean, and do.
    """
    os.sync()
    for place_, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync_file(os.path.join(place_, name))
        sync_folder(place_)


def sync_file(path: str) -> None:
    """Makes a file's content durable."""
    with open(path, "rb") as stream:
        os.fsync(stream.fileno())


def sync_folder(path: str) -> None:
    """Makes a folder's entries durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_sha256(path: str) -> str:
    """Hash of a file as hexadecimal; empty when there is no such file."""
    digest = hashlib.sha256()
    try:
        for block in blocks(path):
            digest.update(block)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


def block_hashes(path: str, size_bytes: int) -> Iterable[str]:
    """Hash of every block of a file; the last one may be short."""
    return [hashlib.sha256(block).hexdigest() for block in blocks(path, size_bytes)]


def blocks(path: str, size_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The file's content in blocks."""
    with open(path, "rb") as stream:
        yield from iter(lambda: stream.read(size_bytes), b"")
