"""What an application's releases went through: which is meant to be active, which came before.

The link below apps/ is the truth about what is active. The state beside it says whether that was
confirmed, what to go back to, and the highest counter that was ever accepted.
"""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict, List

from . import durable, manifest, wire
from .failure import Failure
from .layout import Home, is_complete

Emit = Callable[..., None]
EMPTY = {
    "current": "",
    "previous": "",
    "pending": "",
    "highest_counter": 0,
    "highest_release": "",
    "tries": 0,
}


def read(home: Home, app: str) -> Dict[str, Any]:  # Any: JSON
    """The stored state; as if nothing had happened when it is missing or damaged."""
    found = dict(EMPTY)  # type: Dict[str, Any]
    try:
        with open(_path(home, app), encoding="utf-8") as stream:
            document = json.load(stream)
    except (OSError, ValueError):
        return found
    for key, default in EMPTY.items():
        if isinstance(document, dict) and isinstance(document.get(key), type(default)):
            found[key] = document[key]
    return found


def write(home: Home, app: str, state: Dict[str, Any]) -> None:  # Any: JSON
    """Stores the state as a whole."""
    durable.make_folder(home.states)
    durable.write_file(_path(home, app), json.dumps(state, sort_keys=True).encode())


def highest_counter(home: Home, app: str) -> int:
    """The highest counter ever accepted; without the state, that of the releases still there."""
    counters = [int(read(home, app)["highest_counter"])]
    for release in home.release_ids(app):
        try:
            counters.append(stored_manifest(home.release(app, release)).counter)
        except Failure:
            continue
    return max(counters)


def accepted_release(home: Home, app: str, counter: int) -> str:
    """The release that was accepted with a counter; empty when none is known."""
    stored = read(home, app)
    if stored["highest_release"] and stored["highest_counter"] == counter:
        return str(stored["highest_release"])
    for release in home.release_ids(app):
        try:
            if stored_manifest(home.release(app, release)).counter == counter:
                return release
        except Failure:
            continue
    return ""


def stored_manifest(path: str) -> manifest.Manifest:
    """The manifest of a release folder.

    Raises:
        Failure: there is none, or it is not one.
    """
    try:
        with open(os.path.join(path, wire.MANIFEST_FILE), encoding="utf-8") as stream:
            return manifest.parse(stream.read())
    except (OSError, UnicodeDecodeError) as error:
        text = "release %s has no manifest" % os.path.basename(path)
        raise Failure(wire.ERROR_NO_RELEASE, text) from error


def stored_signature(path: str) -> str:
    """The signature of a release folder, or empty."""
    try:
        with open(os.path.join(path, wire.SIGNATURE_FILE), encoding="utf-8") as stream:
            return stream.read()
    except (OSError, UnicodeDecodeError):
        return ""


def point(home: Home, app: str, release: str) -> None:
    """Makes a release the active one, by one rename."""
    durable.make_folder(home.apps)
    target = os.path.relpath(home.release(app, release), home.apps)
    durable.write_link(target, home.link(app))


def recover(home: Home, app: str) -> str:
    """Settles what a crash or a vanished deployer left; says what was done, or empty.

    A release that was switched to and never confirmed goes back to the one before it, as a
    reboot in the middle of an update counts as its failure.
    """
    state = read(home, app)
    current = home.current(app)
    is_whole = bool(current) and is_complete(home.release(app, current))
    pending, previous = str(state["pending"]), str(state["previous"])
    done = ""
    if pending and current == pending and _is_release(home, app, previous):
        point(home, app, previous)
        done = "%s was never confirmed: went back to %s" % (pending, previous)
        state["previous"] = ""
    elif not is_whole:
        choice = _last_whole(home, app, [str(state["current"]), previous])
        if choice:
            point(home, app, choice)
            done = "the link led nowhere: it leads to %s again" % choice
    if pending or done:
        state.update(pending="", tries=0, current=home.current(app))
        write(home, app, state)
    return done


def _last_whole(home: Home, app: str, choices: List[str]) -> str:
    for release in choices:
        if _is_release(home, app, release):
            return release
    return ""


def _is_release(home: Home, app: str, release: str) -> bool:
    return bool(release) and is_complete(home.release(app, release))


def _path(home: Home, app: str) -> str:
    return os.path.join(home.states, app + ".json")
