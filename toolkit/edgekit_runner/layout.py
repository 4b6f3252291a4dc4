"""Where everything lies below ~/.edgekit, and which names may lead there."""

from __future__ import annotations

import os
import re
from typing import List

from . import wire
from .failure import Failure

HEX = re.compile(r"[0-9a-f]{64}\Z")
RELEASE_ID = re.compile(r"[0-9a-f]{16}\Z")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
MAX_PATH_LETTERS = 500
MAX_PART_BYTES = 255
"""Longest name of a file. Source: NAME_MAX of ext4, xfs, f2fs and btrfs."""


class Home:
    """The folder ~/.edgekit of the board's user."""

    def __init__(self, root: str = "") -> None:
        self.root = root or os.path.join(os.path.expanduser("~"), wire.HOME_FOLDER)
        self.store = os.path.join(self.root, wire.STORE_FOLDER)
        self.staging = os.path.join(self.root, wire.STAGING_FOLDER)
        self.sites = os.path.join(self.root, wire.SITES_FOLDER)
        self.apps = os.path.join(self.root, wire.APPS_FOLDER)
        self.releases = os.path.join(self.root, wire.RELEASES_FOLDER)
        self.states = os.path.join(self.root, wire.STATES_FOLDER)
        self.trust = os.path.join(self.root, wire.TRUST_FOLDER)

    def blob(self, sha256: str) -> str:
        """Path of a blob in the store."""
        return os.path.join(self.store, safe_hash(sha256))

    def staged(self, sha256: str) -> str:
        """Path of a blob that is being sent."""
        return os.path.join(self.staging, safe_hash(sha256))

    def release(self, app: str, release: str) -> str:
        """Path of a release."""
        return os.path.join(self.releases, safe_name(app), safe_name(release))

    def link(self, app: str) -> str:
        """The link that says which release of the application is active."""
        return os.path.join(self.apps, safe_name(app))

    def current(self, app: str) -> str:
        """The release that the application points at, or empty."""
        try:
            target = os.readlink(self.link(app))
        except OSError:
            return ""
        return os.path.basename(target.rstrip("/"))

    def app_names(self) -> List[str]:
        """Applications that have releases."""
        return [name for name in listing(self.releases) if NAME.match(name)]

    def release_ids(self, app: str) -> List[str]:
        """Complete releases of an application."""
        folder = os.path.join(self.releases, safe_name(app))
        names = [name for name in listing(folder) if RELEASE_ID.match(name)]
        return [name for name in names if is_complete(os.path.join(folder, name))]


def safe_hash(sha256: str) -> str:
    """The hash when it is one; else a failure."""
    if not isinstance(sha256, str) or not HEX.match(sha256):
        raise Failure(wire.ERROR_BAD_REQUEST, "not a SHA-256: %r" % (sha256,))
    return sha256


def safe_name(name: str) -> str:
    """The name when it is one plain path component; else a failure."""
    if not isinstance(name, str) or not NAME.match(name):
        raise Failure(wire.ERROR_BAD_REQUEST, "unsafe name %r" % (str(name)[:80],))
    return name


def safe_path(path: str) -> str:
    """The path when it stays inside its folder on every system; else a failure."""
    if not isinstance(path, str) or not _is_safe(path):
        raise Failure(wire.ERROR_BAD_REQUEST, "unsafe path %r" % (str(path)[:80],))
    return path


def _is_safe(path: str) -> bool:
    try:
        parts = [part.encode() for part in path.split("/")]
    except UnicodeEncodeError:  # a lone surrogate is no file name
        return False
    return (
        0 < len(path) <= MAX_PATH_LETTERS
        and path.isprintable()
        and "\\" not in path
        and all(part not in (b"", b".", b"..") and len(part) <= MAX_PART_BYTES for part in parts)
    )


def is_complete(path: str) -> bool:
    """True for a folder whose last write happened."""
    return os.path.exists(os.path.join(path, wire.COMPLETE_MARK))


def listing(folder: str) -> List[str]:
    """Names in a folder, sorted; none when there is no such folder."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
