"""Installs releases: verified blobs, unpacked wheels, a built folder, one atomic switch.

The order of writes makes every state after a power cut the whole old release or the whole new
one: data, fsync, folder, COMPLETE mark, fsync, then the link by rename, then the state file.
"""

from __future__ import annotations

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import re
import shutil
import stat
import zipfile
from typing import Any, Callable, Dict, Iterator, List

from . import wire
from .failure import Failure

Emit = Callable[..., None]
HEX = re.compile(r"[0-9a-f]{64}\Z")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
MAX_UNPACKED_BYTES = 2000000000
"""A wheel set that unpacks to more is refused."""


class Home:
    """The folder ~/.edgekit of the board's user."""

    def __init__(self) -> None:
        self.root = os.path.join(os.path.expanduser("~"), wire.HOME_FOLDER)
        self.store = os.path.join(self.root, wire.STORE_FOLDER)
        self.staging = os.path.join(self.root, wire.STAGING_FOLDER)
        self.sites = os.path.join(self.root, wire.SITES_FOLDER)
        self.apps = os.path.join(self.root, wire.APPS_FOLDER)
        self.releases = os.path.join(self.root, wire.RELEASES_FOLDER)

    def blob(self, sha256: str) -> str:
        """Path of a blob in the store."""
        if not HEX.match(sha256):
            raise Failure(wire.ERROR_BAD_REQUEST, "not a SHA-256: %r" % sha256[:80])
        return os.path.join(self.store, sha256)

    def release(self, app: str, release: str) -> str:
        """Path of a release."""
        return os.path.join(self.releases, safe_name(app), safe_name(release))

    def current(self, app: str) -> str:
        """The release that the application points at, or empty."""
        try:
            target = os.readlink(os.path.join(self.apps, app))
        except OSError:
            return ""
        return os.path.basename(target.rstrip("/"))

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps two installers apart."""
        os.makedirs(self.root, exist_ok=True)
        with open(os.path.join(self.root, "lock"), "w", encoding="ascii") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                text = "another deployment is at work on this board"
                raise Failure(wire.ERROR_IO, text, "wait for it, then deploy again") from error
            yield


def have(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Which blobs the store holds intact, and which release is current."""
    home = Home()
    present = [
        sha256
        for sha256 in request["sha256"]
        if os.path.exists(home.blob(sha256)) and file_sha256(home.blob(sha256)) == sha256
    ]
    emit("have", sha256=present)
    state(request, emit)


def state(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Current release per application and the complete releases."""
    home = Home()
    releases = {}  # type: Dict[str, List[str]]
    for app in _listing(home.releases):
        folder = os.path.join(home.releases, app)
        releases[app] = [r for r in _listing(folder) if is_complete(os.path.join(folder, r))]
    apps = {app: home.current(app) for app in releases if home.current(app)}
    emit("state", apps=apps, releases=releases)


def install(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Takes staged blobs into the store and builds the release; does not switch."""
    home = Home()
    manifest = request["manifest"]
    release_id = manifest_id(manifest)
    path = home.release(manifest["app"], release_id)
    staging = os.path.join(home.staging, safe_name(request["txn"]))
    with home.lock():
        try:
            files = manifest["files"]
            for entry in files:
                safe_path(entry["path"])
            for entry in list(files) + list(manifest["wheels"]):
                take_into_store(home, staging, entry["sha256"], entry["size_bytes"])
            site = build_site(home, manifest["wheels"])
            if not is_complete(path):
                build_release(home, path, manifest)
        finally:  # nothing half-built is left, whatever went wrong
            shutil.rmtree(home.staging, ignore_errors=True)
            for left in [*glob.glob(os.path.join(home.sites, "*.part")), path + ".part"]:
                shutil.rmtree(left, ignore_errors=True)
    emit("installed", release=release_id, path=path, site=site)


def switch(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Points the application at a complete release by one rename."""
    home = Home()
    app, release_id = safe_name(request["app"]), safe_name(request["release"])
    target = home.release(app, release_id)
    if not is_complete(target):
        raise Failure(wire.ERROR_NO_RELEASE, "release %s is not complete" % release_id)
    with home.lock():
        previous = home.current(app)
        os.makedirs(home.apps, exist_ok=True)
        link = os.path.join(home.apps, app)
        temporary = os.path.join(home.apps, ".%s.new" % app)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        os.symlink(os.path.relpath(target, home.apps), temporary)
        os.replace(temporary, link)
        sync_folder(home.apps)
        write_file(
            os.path.join(home.root, wire.STATE_FILE),
            json.dumps({"app": app, "release": release_id, "previous": previous}).encode(),
        )
    emit("switched", app=app, release=release_id, previous=previous)


def manifest_id(manifest: Dict[str, Any]) -> str:  # Any: JSON
    """The release id: the start of the hash of the canonical manifest."""
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def take_into_store(home: Home, staging: str, sha256: str, size_bytes: int) -> None:
    """Verifies a staged blob and moves it into the store."""
    blob = home.blob(sha256)
    if os.path.exists(blob):
        return
    staged = os.path.join(staging, sha256)
    if not os.path.exists(staged):
        raise Failure(wire.ERROR_MISSING_BLOB, "blob %s was not sent" % sha256[:12])
    found = file_sha256(staged)
    if found != sha256 or os.path.getsize(staged) != size_bytes:
        os.unlink(staged)
        text = "blob %s arrived as %s" % (sha256[:12], found[:12])
        raise Failure(wire.ERROR_HASH_MISMATCH, text, "deploy again")
    sync_file(staged)
    os.makedirs(home.store, exist_ok=True)
    os.chmod(staged, 0o444)
    os.replace(staged, blob)
    sync_folder(home.store)


def build_release(home: Home, path: str, manifest: Dict[str, Any]) -> None:  # Any: JSON
    """Builds the release folder from the store under a temporary name."""
    temporary = path + ".part"
    shutil.rmtree(temporary, ignore_errors=True)
    for entry in manifest["files"]:
        target = os.path.join(temporary, *safe_path(entry["path"]).split("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        place(home.blob(entry["sha256"]), target)
    text = json.dumps(manifest, sort_keys=True, indent=1)
    write_file(os.path.join(temporary, "manifest.json"), text.encode())
    _finish(temporary, path)


def build_site(home: Home, wheels: List[Dict[str, Any]]) -> str:  # Any: JSON
    """Unpacks a wheel set, once for all releases that use it; gives its folder or empty."""
    if not wheels:
        return ""
    hashes = sorted(wheel["sha256"] for wheel in wheels)
    name = hashlib.sha256("\n".join(hashes).encode()).hexdigest()[:16]
    path = os.path.join(home.sites, name)
    if is_complete(path):
        return path
    temporary = path + ".part"
    shutil.rmtree(temporary, ignore_errors=True)
    os.makedirs(temporary)
    left_bytes = MAX_UNPACKED_BYTES
    for wheel in wheels:
        left_bytes -= unpack_wheel(home.blob(wheel["sha256"]), temporary, left_bytes)
    _finish(temporary, path)
    return path


def unpack_wheel(wheel: str, folder: str, limit_bytes: int) -> int:
    """Unpacks a wheel's libraries; regular files only, inside the folder, below the limit."""
    unpacked = 0
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            name = library_path(safe_path(member.filename))
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise Failure(wire.ERROR_BAD_REQUEST, "%s is no plain file" % member.filename)
            unpacked += member.file_size
            if unpacked > limit_bytes:
                raise Failure(wire.ERROR_BAD_REQUEST, "the wheels unpack to too much")
            if not name:
                continue
            target = os.path.join(folder, *name.split("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with archive.open(member) as source, open(target, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
    return unpacked


def library_path(name: str) -> str:
    """Where a wheel's file goes below the site folder; empty for scripts and headers."""
    top, _, rest = name.partition("/")
    if not top.endswith(".data"):
        return name
    kind, _, inner = rest.partition("/")
    return inner if kind in ("purelib", "platlib") else ""


def safe_path(path: str) -> str:
    """The path when it stays inside its folder on every system; else a failure."""
    parts = path.split("/")
    if (
        not path
        or len(path) > 500
        or any(ord(letter) < 32 or letter == "\\" for letter in path)
        or any(part in ("", ".", "..") or len(part.encode()) > 255 for part in parts)
    ):
        raise Failure(wire.ERROR_BAD_REQUEST, "unsafe path %r" % path[:80])
    return path


def safe_name(name: str) -> str:
    """The name when it is one plain path component; else a failure."""
    if not NAME.match(name):
        raise Failure(wire.ERROR_BAD_REQUEST, "unsafe name %r" % name[:80])
    return name


def is_complete(path: str) -> bool:
    """True for a folder whose last write happened."""
    return os.path.exists(os.path.join(path, wire.COMPLETE_MARK))


def place(blob: str, target: str) -> None:
    """A hard link to a blob, or a copy where the file system has no links."""
    try:
        os.link(blob, target)
    except OSError:
        shutil.copyfile(blob, target)
        sync_file(target)


def file_sha256(path: str) -> str:
    """Hash of a file as hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def write_file(path: str, data: bytes) -> None:
    """Writes a file under a temporary name, syncs it, renames it, syncs the folder."""
    temporary = path + ".new"
    with open(temporary, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)
    sync_folder(os.path.dirname(path))


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


def _finish(temporary: str, path: str) -> None:
    """Marks a folder complete and gives it its final name."""
    os.sync()
    write_file(os.path.join(temporary, wire.COMPLETE_MARK), b"")
    if os.path.exists(path):
        shutil.rmtree(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.replace(temporary, path)
    sync_folder(os.path.dirname(path))


def _listing(folder: str) -> List[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
