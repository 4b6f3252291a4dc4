"""A release folder: hard links into the store, the signed manifest, a mark that is written last."""

from __future__ import annotations

import os
import shutil
from typing import List

from . import durable, state, trust, wheels, wire
from .failure import Failure
from .layout import Home, is_complete
from .manifest import Manifest


def build(home: Home, manifest: Manifest, signature: str) -> str:
    """Builds the release from the store, or repairs it; gives its folder."""
    path = home.release(manifest.app, manifest.id)
    if is_complete(path):
        _repair(home, path, manifest, signature)
        return path
    temporary = path + ".part"
    shutil.rmtree(temporary, ignore_errors=True)
    durable.make_folder(os.path.dirname(path))
    os.mkdir(temporary, 0o755)
    for name, sha256, _ in manifest.files:
        target = os.path.join(temporary, *name.split("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        durable.place(home.blob(sha256), target)
    _write_manifest(temporary, manifest, signature)
    for folder, _, _ in os.walk(temporary, topdown=False):
        durable.sync_folder(folder)
    durable.write_file(os.path.join(temporary, wire.COMPLETE_MARK), b"")
    shutil.rmtree(path, ignore_errors=True)  # one without its mark counts for nothing
    os.replace(temporary, path)
    durable.sync_folder(os.path.dirname(path))
    return path


def verify(home: Home, app: str, release: str) -> Manifest:
    """The manifest of a release after every byte of it was checked, as it lies there now.

    Raises:
        Failure: it is not complete, not signed as this board asks, or not what was signed.
    """
    path = home.release(app, release)
    if not is_complete(path):
        raise Failure(wire.ERROR_NO_RELEASE, "release %s is not complete" % release)
    manifest = state.stored_manifest(path)
    if manifest.id != release or manifest.app != app:
        text = "release %s of %s holds the manifest of another one" % (release, app)
        raise Failure(wire.ERROR_HASH_MISMATCH, text, "deploy again")
    trust.verify(home, manifest.text, state.stored_signature(path))
    damaged = damaged_files(home, manifest)
    if damaged:
        text = "%s of release %s is damaged" % (damaged[0], release)
        raise Failure(wire.ERROR_HASH_MISMATCH, text, "deploy again; is the storage failing?")
    return manifest


def damaged_files(home: Home, manifest: Manifest) -> List[str]:
    """Files of a release and of its unpacked wheels that are not what the manifest names."""
    path = home.release(manifest.app, manifest.id)
    found = [
        name
        for name, sha256, _ in manifest.files
        if durable.file_sha256(os.path.join(path, *name.split("/"))) != sha256
    ]
    hashes = [sha256 for _, sha256, _ in manifest.wheels]
    found += [
        name
        for name, sha256, _ in manifest.wheels
        if durable.file_sha256(home.blob(sha256)) != sha256
    ]
    return found or wheels.damaged_files(home, hashes)


def _repair(home: Home, path: str, manifest: Manifest, signature: str) -> None:
    """Replaces damaged files one by one: the release may be the active one."""
    for name, sha256, _ in manifest.files:
        target = os.path.join(path, *name.split("/"))
        if durable.file_sha256(target) != sha256:
            durable.make_folder(os.path.dirname(target))
            durable.place(home.blob(sha256), target)
            durable.sync_folder(os.path.dirname(target))
    _write_manifest(path, manifest, signature)


def _write_manifest(path: str, manifest: Manifest, signature: str) -> None:
    durable.write_file(os.path.join(path, wire.MANIFEST_FILE), manifest.text.encode())
    if signature:
        durable.write_file(os.path.join(path, wire.SIGNATURE_FILE), signature.encode())
