"""Releases on the board: list them, go back to an earlier one, remove what nobody needs."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Any, Callable, Dict, List, Set, Tuple

from . import durable, lease, release, state, trust, wheels, wire
from .failure import Failure
from .layout import Home, is_complete, listing

Emit = Callable[..., None]


def releases(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Every complete release of one application or of all."""
    home = Home()
    for app in home.app_names():
        if request.get("app") in (None, "", app):
            stored = state.read(home, app)
            for name in home.release_ids(app):
                emit("release", **_described(home, app, name, stored))


def rollback(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Makes the previous release, or a named one that lies here, the active one."""
    home = Home()
    app = request["app"]
    with lease.held(home, request):
        wanted, current = go_back(home, app, request.get("release", ""))
    emit("rolled_back", app=app, release=wanted, previous=current)


def go_back(home: Home, app: str, wanted: str = "") -> Tuple[str, str]:
    """Makes the previous or a named release active; gives it and the one before.

    Raises:
        Failure: there is none, or it is not whole.
    """
    stored = state.read(home, app)
    current = home.current(app)
    wanted = wanted or stored["previous"]
    if not wanted:
        text = "%s has no release to go back to" % app
        raise Failure(wire.ERROR_NO_RELEASE, text, "edgekit releases BOARD")
    release.verify(home, app, wanted)
    if wanted != current:
        stored.update(pending="", tries=0, current=wanted, previous=current)
        state.point(home, app, wanted)
        state.write(home, app, stored)
    return wanted, current


def gc(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Removes releases but the current and previous ones, then blobs and wheels of no release."""
    home = Home()
    dry_run = bool(request.get("dry_run"))
    with lease.held(home, request):
        if not dry_run:
            for app in home.app_names():
                state.recover(home, app)
        before = _free_bytes(home)
        blobs = {os.path.basename(sys.argv[0])}  # the program that runs now
        sites = set()  # type: Set[str]
        removed = []
        for app in home.app_names():
            stored = state.read(home, app)
            kept = {home.current(app), stored["previous"], stored["pending"], stored["current"]}
            for name in listing(os.path.join(home.releases, app)):
                path = home.release(app, name)
                if name not in kept:
                    removed.append("%s %s" % (app, name))
                    if not dry_run:
                        durable.remove_marked(path, wire.COMPLETE_MARK)
                elif is_complete(path):
                    manifest = state.stored_manifest(path)
                    blobs.update(sha256 for sha256, _ in manifest.blobs)
                    sites.add(wheels.site_path(home, [h for _, h, _ in manifest.wheels]))
        _sweep(home, blobs, sites, removed, dry_run=dry_run)
    freed = 0 if dry_run else max(_free_bytes(home) - before, 0)
    emit("collected", removed=removed, freed_bytes=freed)


def _sweep(
    home: Home, blobs: Set[str], sites: Set[str], removed: List[str], *, dry_run: bool
) -> None:
    for name in listing(home.sites):
        path = os.path.join(home.sites, name)
        if path not in sites:
            removed.append("engine wheels %s" % name)
            if not dry_run:
                durable.remove_marked(path, wire.COMPLETE_MARK)
    for name in listing(home.store):
        if name not in blobs:
            removed.append("file %s" % name[:12])
            if not dry_run:
                os.unlink(os.path.join(home.store, name))
    if not dry_run:
        shutil.rmtree(home.staging, ignore_errors=True)


# Any: JSON
def _described(home: Home, app: str, name: str, stored: Dict[str, Any]) -> Dict[str, Any]:
    path = home.release(app, name)
    found = {
        "app": app,
        "release": name,
        "is_current": home.current(app) == name,
        "is_previous": stored["previous"] == name,
        "is_confirmed": stored["pending"] != name,
        "counter": 0,
        "engine": "",
        "size_bytes": 0,
        "is_signed": bool(state.stored_signature(path)) and bool(trust.enrolled_keys(home)),
    }  # type: Dict[str, Any]
    try:
        manifest = state.stored_manifest(path)
    except Failure as failure:
        return dict(found, problem=failure.message)
    size = sum(size for _, _, size in manifest.files)
    return dict(found, counter=manifest.counter, engine=manifest.engine, size_bytes=size)


def _free_bytes(home: Home) -> int:
    status = os.statvfs(home.root)
    return status.f_bavail * status.f_frsize
