"""Is this workstation fit to convert, sign and reach boards?"""

from __future__ import annotations

import locale
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from edgekit import __version__
from edgekit.core.checkup import Check, State, check

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
"""python_requires of the distribution."""
ENVIRONMENT_MB = 4000
"""The largest tool environment takes about so much while it is made."""


def host_checks() -> Iterator[Check]:
    """Every check of this machine; nothing is changed and nothing is asked of a network."""
    version = sys.version_info[:2]
    yield check(
        "Python",
        is_good=OLDEST_PYTHON <= version <= NEWEST_PYTHON,
        seen=f"{sys.version.split()[0]}, edgekit {__version__}",
        cure="install edgekit with Python 3.11, 3.12 or 3.13",
        otherwise=State.WARN,
    )
    yield check(
        "text encoding",
        is_good=locale.getencoding().lower().replace("-", "") == "utf8",
        seen=locale.getencoding(),
        cure="export LC_ALL=C.UTF-8, so that names show as they are",
        otherwise=State.WARN,
    )
    yield from _cache()
    yield from _environments()
    yield from _ssh()
    yield _signing()
    yield _inventory()


def _cache() -> Iterator[Check]:
    from edgekit.toolenvs.environment import cache_folder

    folder = cache_folder()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    yield check(
        "cache",
        is_good=os.access(there, os.W_OK),
        seen=str(folder),
        cure="export EDGEKIT_CACHE_DIR=/a/folder/that/can/be/written",
        otherwise=State.FAIL,
    )
    free_mb = shutil.disk_usage(there).free // 10**6
    yield check(
        "free disk for tool environments",
        is_good=free_mb >= ENVIRONMENT_MB,
        seen=f"{free_mb} MB",
        cure="free some, or put the cache elsewhere: EDGEKIT_CACHE_DIR",
        otherwise=State.WARN if free_mb else State.FAIL,
    )


def _environments() -> Iterator[Check]:
    """Tool environments are made on first use: one that is missing is nothing wrong."""
    from edgekit.toolenvs.environment import is_ready
    from edgekit.toolenvs.pins import ENVIRONMENTS

    for environment in ENVIRONMENTS.values():
        is_made = is_ready(environment.name)
        state = "ready" if is_made else f"made on first use, {environment.size_mb} MB"
        yield Check(f"environment {environment.name}", State.OK, f"{state}: {environment.purpose}")


def _ssh() -> Iterator[Check]:
    folder = Path.home() / ".ssh"
    config = folder / "config"
    yield Check("ssh config", State.OK, str(config) if config.exists() else "none, not needed")
    keys = [path.with_suffix("") for path in folder.glob("id_*.pub")]
    agent = bool(os.environ.get("SSH_AUTH_SOCK"))
    yield check(
        "ssh key",
        is_good=bool(keys) or agent,
        seen=", ".join([*(key.name for key in keys), *(["an agent"] if agent else [])]) or "none",
        cure="ssh-keygen -t ed25519, then ssh-copy-id USER@BOARD",
        otherwise=State.WARN,
    )
    open_keys = [key.name for key in keys if key.exists() and key.stat().st_mode & 0o077]
    if open_keys:
        cure = f"chmod 600 ~/.ssh/{open_keys[0]}"
        yield Check("ssh key mode", State.FAIL, f"others can read {open_keys[0]}", cure)
    known = folder / "known_hosts"
    count = len(known.read_text("utf-8", "replace").splitlines()) if known.exists() else 0
    yield Check("host keys", State.OK, f"{count} recorded (edgekit boards trust BOARD adds one)")


def _signing() -> Check:
    from edgekit.boards.signing import find_key

    key = find_key()
    if key is None:
        cure = "edgekit keys init, then edgekit keys enrol BOARD"
        return Check("signing key", State.WARN, "none: boards take unsigned releases only", cure)
    return check(
        "signing key",
        is_good=not key.path.stat().st_mode & 0o077,
        seen=str(key.path),
        cure=f"chmod 600 {key.path}",
        otherwise=State.FAIL,
    )


def _inventory() -> Check:
    from edgekit.boards.inventory import inventory_path, list_boards
    from edgekit.core.errors import ConfigError

    try:
        count = len(list_boards())
    except ConfigError as err:
        return Check("inventory", State.FAIL, err.message, f"correct {inventory_path()}")
    if not count:
        cure = "edgekit boards add NAME --host ADDRESS --user USER --profile raspberrypi"
        return Check("inventory", State.OK, f"no boards yet: {cure}")
    return Check("inventory", State.OK, f"{count} boards in {inventory_path()}")
