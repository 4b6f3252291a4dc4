"""Everything that a deployment has to know about the board, in one round trip."""

from __future__ import annotations

import importlib.util
import os
import shutil
from typing import Any, Callable, Dict

from . import durable, lease, service, state, trust, wheels
from .failure import Failure
from .layout import Home, is_complete, safe_name
from .probe import probe

Emit = Callable[..., None]
NEEDED_MODULES = ("contextvars", "ctypes", "decimal", "lzma", "pickle", "unittest", "zipfile")
"""Parts of the standard library that numpy and the engines import; python3-minimal lacks some."""


def survey(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Emits ``facts``, ``ground`` and, for the application, ``active``."""
    home = Home()
    probe(request, emit)
    emit("ground", **_ground(home))
    emit("active", **_active(home, safe_name(request["app"])))


def _ground(home: Home) -> Dict[str, Any]:  # Any: JSON
    folder = home.root if os.path.isdir(home.root) else os.path.dirname(home.root)
    status = os.statvfs(folder)
    return {
        "free_bytes": status.f_bavail * status.f_frsize,
        # file systems without an inode table (btrfs, vfat) say 0 of 0
        "free_inodes": status.f_favail if status.f_files else None,
        "is_noexec": bool(status.f_flag & os.ST_NOEXEC),
        "is_writable": os.access(folder, os.W_OK) and not status.f_flag & os.ST_RDONLY,
        "missing_modules": [m for m in NEEDED_MODULES if importlib.util.find_spec(m) is None],
        "has_ssh_keygen": shutil.which("ssh-keygen") is not None,
        "has_systemd": os.path.isdir(service.SYSTEMD),
        "keys": trust.enrolled_keys(home),
        "profile": trust.enrolled_profile(home),
        "lease": lease.read(home),
    }


def _active(home: Home, app: str) -> Dict[str, Any]:  # Any: JSON
    """The active release: its manifest, whether it was confirmed, whether every file is right."""
    stored = state.read(home, app)
    current = home.current(app)
    found = {
        "release": current,
        "previous": stored["previous"],
        "manifest": "",
        "is_signed": False,
        "is_confirmed": stored["pending"] != current,
        "is_intact": False,
        "highest_counter": state.highest_counter(home, app),
        "releases": home.release_ids(app),
        "has_service": service.has_service(app),
        "path": "",
        "site": "",
    }  # type: Dict[str, Any]
    path = home.release(app, current) if current else ""
    if not path or not is_complete(path):
        return dict(found, release="")
    try:
        manifest = state.stored_manifest(path)
    except Failure:
        return found
    hashes = [sha256 for _, sha256, _ in manifest.wheels]
    site = wheels.site_path(home, hashes)
    is_intact = all(
        durable.file_sha256(os.path.join(path, *name.split("/"))) == sha256
        for name, sha256, _ in manifest.files
    )
    is_intact = is_intact and (not site or is_complete(site))
    is_intact = is_intact and all(os.path.exists(home.blob(sha256)) for sha256 in hashes)
    return dict(
        found,
        manifest=manifest.text,
        is_signed=bool(state.stored_signature(path)),
        is_intact=is_intact,
        path=path,
        site=site,
    )
