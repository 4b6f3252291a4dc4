"""Installs a bundle file that lies on the board: the same steps as over SSH, without a host.

Ansible, Mender and hawkBit bring the file; this is what they run.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from typing import Any, Callable, Dict, List, Tuple

from . import (
    durable,
    golden,
    install,
    lease,
    manifest,
    probe,
    release,
    releases,
    state,
    store,
    wheels,
    wire,
)
from .failure import Failure
from .layout import Home, is_complete

Emit = Callable[..., None]
INDEX = "bundle.json"
MAX_TEXT_BYTES = 8000000
STEPS = ("install", "switch", "commit")
"""In order; a caller with states of its own (Mender) asks for one after the other."""


def apply(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Emits ``applied``; does nothing when the bundle's release is active and whole.

    ``bundle`` is the file's path, ``steps`` some of STEPS, all by default.
    """
    steps = request.get("steps") or list(STEPS)
    unknown = [step for step in steps if step not in STEPS]
    if unknown:
        raise Failure(wire.ERROR_BAD_REQUEST, "expected steps of %s" % ", ".join(STEPS))
    home = Home()
    try:
        with zipfile.ZipFile(request["bundle"]) as archive:
            wanted, signature = _choose(archive)
            is_active = home.current(wanted.app) == wanted.id and _is_whole(home, wanted)
            if not is_active or state.read(home, wanted.app)["pending"]:
                _run(home, archive, (wanted, signature), steps, emit)
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        text = "%s is not a bundle file: %s" % (request["bundle"], error)
        raise Failure(wire.ERROR_BAD_REQUEST, text, "make one: edgekit bundle ARTIFACT") from error
    emit("applied", app=wanted.app, release=wanted.id, changed=not is_active)


def _run(
    home: Home,
    archive: zipfile.ZipFile,
    chosen: Tuple[manifest.Manifest, str],
    steps: List[str],
    emit: Emit,
) -> None:
    wanted, signature = chosen
    holder = {"holder": "apply-%d" % os.getpid(), "who": "a bundle file on the board"}
    with lease.held(home, holder):
        if "install" in steps:
            state.recover(home, wanted.app)
            _stage(home, archive, wanted)
            path, site = install.install_release(home, wanted.text, signature, [])
            _check(path, site, wanted, emit)
        if "switch" in steps:
            previous = install.switch_to(home, wanted.app, wanted.id)
            emit("switched", app=wanted.app, release=wanted.id, previous=previous)
        if "commit" in steps:
            _commit(home, wanted, emit)
    lease.end(holder, lambda event, **fields: None)


def _commit(home: Home, wanted: manifest.Manifest, emit: Emit) -> None:
    """An answer through the active link, then the confirmation; else back."""
    site = wheels.site_path(home, [sha256 for _, sha256, _ in wanted.wheels])
    try:
        _check(home.link(wanted.app), site, wanted, emit)
    except Failure:
        if state.read(home, wanted.app)["previous"]:
            releases.go_back(home, wanted.app)
        raise
    install.commit_release(home, wanted.app, wanted.id)


def _check(path: str, site: str, wanted: manifest.Manifest, emit: Emit) -> None:
    with open(os.path.join(path, wire.CARD_FILE), encoding="utf-8") as stream:
        card = json.load(stream)
    if isinstance(card.get("golden"), dict) and "unavailable" in card["golden"]:
        return
    request = {"release_path": path, "engine": wanted.engine, "threads": 1}
    golden.check(dict(request, site=[site] if site else []), emit)


def _stage(home: Home, archive: zipfile.ZipFile, wanted: manifest.Manifest) -> None:
    """Copies what the store lacks to where blobs arrive; sizes are those that were signed."""
    lacking = [b for b in wanted.blobs if durable.file_sha256(home.blob(b[0])) != b[0]]
    store.prepare_staging(home, [sha256 for sha256, _ in lacking])
    for sha256, size_bytes in lacking:
        with archive.open("blobs/" + sha256) as source, open(home.staged(sha256), "wb") as target:
            left = size_bytes + 1
            while left > 0:
                block = source.read(min(left, 1 << 20))
                if not block:
                    break
                target.write(block)
                left -= len(block)


def _choose(archive: zipfile.ZipFile) -> Tuple[manifest.Manifest, str]:
    """The first release of the bundle that this board can run, with its signature."""
    index = json.loads(_text(archive, INDEX))
    offers = []
    for name in index["releases"]:
        found = manifest.parse(_text(archive, "manifests/%s.json" % name))
        document = json.loads(found.text)
        if _fits(document, has_wheels=bool(found.wheels)):
            signed = "manifests/%s.sig" % name
            there = signed in archive.namelist()
            return found, _text(archive, signed) if there else ""
        offers.append("%(arch)s %(python_abi)s %(libc)s" % document)
    here = "%s %s %s" % (probe.userland_arch(), probe.python_abi(), probe.libc())
    text = "the bundle has releases for %s, the board is %s" % ("; ".join(offers), here)
    raise Failure(wire.ERROR_MISMATCH, text, "edgekit bundle ARTIFACT --profile PROFILE")


def _fits(document: Dict[str, Any], *, has_wheels: bool) -> bool:  # Any: JSON
    asked = (document["arch"], document["python_abi"])
    here = (probe.userland_arch(), probe.python_abi())
    if any(want not in ("", have) for want, have in zip(asked, here)):
        return False
    return not has_wheels or _glibc(document["libc"]) <= _glibc(probe.libc()) != (0, 0)


def _glibc(text: str) -> Tuple[int, int]:
    match = re.match(r"glibc-(\d+)\.(\d+)", text)
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)


def _is_whole(home: Home, wanted: manifest.Manifest) -> bool:
    path = home.release(wanted.app, wanted.id)
    return is_complete(path) and not release.damaged_files(home, wanted)


def _text(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as stream:
        data = stream.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise Failure(wire.ERROR_BAD_REQUEST, "%s of the bundle is too large" % name)
    return data.decode("utf-8")
