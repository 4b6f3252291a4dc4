"""Unpacks engine wheels once for all releases that use them; no pip, no network."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import zipfile
import zlib
from typing import Iterator, List, Tuple

from . import durable, wire
from .failure import Failure
from .layout import Home, is_complete, safe_path

MAX_UNPACKED_BYTES = 2000000000
"""A wheel set that unpacks to more is refused."""


def site_path(home: Home, hashes: List[str]) -> str:
    """Where a wheel set lies unpacked; empty for none."""
    if not hashes:
        return ""
    name = hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest()[:16]
    return os.path.join(home.sites, name)


def build_site(home: Home, hashes: List[str]) -> str:
    """Unpacks a wheel set, or repairs it where it is damaged; gives its folder or empty."""
    path = site_path(home, hashes)
    if not path:
        return ""
    wheels = [home.blob(sha256) for sha256 in hashes]
    if is_complete(path):
        for wheel in wheels:
            _repair(wheel, path)
        return path
    temporary = path + ".part"
    shutil.rmtree(temporary, ignore_errors=True)
    durable.make_folder(home.sites)
    left_bytes = MAX_UNPACKED_BYTES
    for wheel in wheels:
        left_bytes -= _unpack(wheel, temporary, left_bytes)
    durable.sync_tree(temporary)
    durable.write_file(os.path.join(temporary, wire.COMPLETE_MARK), b"")
    shutil.rmtree(path, ignore_errors=True)
    os.replace(temporary, path)
    durable.sync_folder(home.sites)
    return path


def damaged_files(home: Home, hashes: List[str]) -> List[str]:
    """Unpacked files that are not what their wheel holds, by size and CRC-32."""
    path = site_path(home, hashes)
    found = []
    for sha256 in hashes:
        with zipfile.ZipFile(home.blob(sha256)) as archive:
            for member, name in _libraries(archive):
                if not _is_intact(os.path.join(path, *name.split("/")), member):
                    found.append(name)
    return found


def _unpack(wheel: str, folder: str, limit_bytes: int) -> int:
    """Unpacks a wheel's libraries; regular files only, inside the folder, below the limit."""
    unpacked = 0
    with zipfile.ZipFile(wheel) as archive:
        for member, name in _libraries(archive):
            unpacked += member.file_size
            if unpacked > limit_bytes:
                raise Failure(wire.ERROR_BAD_REQUEST, "the wheels unpack to too much")
            target = os.path.join(folder, *name.split("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            _extract(archive, member, target)
    return unpacked


def _repair(wheel: str, folder: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for member, name in _libraries(archive):
            target = os.path.join(folder, *name.split("/"))
            if not _is_intact(target, member):
                durable.make_folder(os.path.dirname(target))
                _extract(archive, member, target + ".new")
                durable.sync_file(target + ".new")
                os.replace(target + ".new", target)
                durable.sync_folder(os.path.dirname(target))


def _libraries(archive: zipfile.ZipFile) -> Iterator[Tuple[zipfile.ZipInfo, str]]:
    """Members of a wheel that belong on the import path, with their place below the site."""
    for member in archive.infolist():
        if member.is_dir():
            continue
        name = library_path(safe_path(member.filename))
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            raise Failure(wire.ERROR_BAD_REQUEST, "%s is no plain file" % member.filename)
        if name == wire.COMPLETE_MARK:
            raise Failure(wire.ERROR_BAD_REQUEST, "a wheel brings a file of the installer")
        if name:
            yield member, name


def library_path(name: str) -> str:
    """Where a wheel's file goes below the site folder; empty for scripts and headers."""
    top, _, rest = name.partition("/")
    if not top.endswith(".data"):
        return name
    kind, _, inner = rest.partition("/")
    return inner if kind in ("purelib", "platlib") else ""


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: str) -> None:
    with archive.open(member) as source, open(target, "wb") as sink:
        shutil.copyfileobj(source, sink, durable.BLOCK_BYTES)


def _is_intact(path: str, member: zipfile.ZipInfo) -> bool:
    try:
        if os.path.getsize(path) != member.file_size:
            return False
        crc = 0
        for block in durable.blocks(path):
            crc = zlib.crc32(block, crc)
        return crc == member.CRC
    except OSError:
        return False
