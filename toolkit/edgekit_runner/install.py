"""The steps of a deployment on the board: begin, install, switch, commit.

Every state in between, also after a power cut, is the whole old release or the whole new one.
"""

from __future__ import annotations

import glob
import os
import shutil
from typing import Any, Callable, Dict, Tuple

from . import lease, manifest, probe, release, state, store, trust, wheels, wire
from .failure import Failure
from .layout import Home

Emit = Callable[..., None]


def begin(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Takes the lease, settles what an earlier deployment left, says what has arrived."""
    home = Home()
    with lease.held(home, request):
        for app in home.app_names():
            done = state.recover(home, app)
            if done:
                emit("recovered", app=app, what=done)
        store.prepare_staging(home, list(request["sha256"]) + list(request.get("extra", [])))
        store.have(request, emit)
    emit("lease", **(lease.read(home) or {}))


def install(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Verifies signature and blobs, unpacks wheels, builds the release; does not switch."""
    home = Home()
    with lease.held(home, request):
        built, site = install_release(
            home, request["manifest"], request.get("signature", ""), request.get("differences", [])
        )
    emit("installed", release=os.path.basename(built), path=built, site=site)


# Any: JSON
def install_release(home: Home, text: str, signature: str, differences: Any) -> Tuple[str, str]:
    """Builds a release from what was staged; gives its folder and that of its wheels."""
    trust.verify(home, text, signature)
    wanted = manifest.parse(text)
    require_acceptable(home, wanted)
    try:
        store.rebuild(home, differences)
        for sha256, size_bytes in wanted.blobs:
            store.take(home, sha256, size_bytes)
        site = wheels.build_site(home, [sha256 for _, sha256, _ in wanted.wheels])
        path = release.build(home, wanted, signature)
    except OSError:  # a full or failing disk: give back what was taken
        shutil.rmtree(home.staging, ignore_errors=True)
        raise
    finally:
        parts = [home.release(wanted.app, wanted.id) + ".part"]
        for left in [*glob.glob(os.path.join(home.sites, "*.part")), *parts]:
            shutil.rmtree(left, ignore_errors=True)
    shutil.rmtree(home.staging, ignore_errors=True)
    return path, site


def require_acceptable(home: Home, wanted: manifest.Manifest) -> None:
    """Refuses what is not for this board, and on an enrolled board what is older.

    Raises:
        Failure: another architecture, Python or kind of board, or a counter that was passed.
    """
    facts = {"arch": probe.userland_arch(), "python_abi": probe.python_abi()}
    for key, here in facts.items():
        asked = getattr(wanted, key)
        if asked not in ("", here):
            text = "this release is for %s, the board is %s" % (asked, here)
            raise Failure(wire.ERROR_MISMATCH, text, "make one for this board: edgekit deploy")
    if not trust.enrolled_keys(home):
        return
    profile = trust.enrolled_profile(home)
    if profile and wanted.profile != profile:
        text = "this release is for a %s, the board was enrolled as %s" % (
            wanted.profile or "board without a name",
            profile,
        )
        raise Failure(wire.ERROR_MISMATCH, text, "edgekit keys enrol BOARD changes what it is")
    highest = state.highest_counter(home, wanted.app)
    accepted = state.accepted_release(home, wanted.app, highest)
    is_other = wanted.counter == highest and accepted not in ("", wanted.id)
    if wanted.counter < highest or is_other:
        text = "this release has counter %d, %d was accepted before" % (wanted.counter, highest)
        hint = "an older release that is still there: edgekit rollback BOARD"
        raise Failure(wire.ERROR_REPLAY, text, hint)


def switch(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Points the application at a release by one rename, once every byte of it is verified."""
    home = Home()
    with lease.held(home, request):
        previous = switch_to(home, request["app"], request["release"])
    emit("switched", app=request["app"], release=request["release"], previous=previous)


def switch_to(home: Home, app: str, wanted: str) -> str:
    """Makes a release active, not yet confirmed; gives the one before it."""
    checked = release.verify(home, app, wanted)
    before = state.read(home, app)
    current = home.current(app)
    if current != wanted:
        before["previous"] = current
    before.update(pending=wanted, tries=0)
    if trust.enrolled_keys(home):
        highest = state.highest_counter(home, app)
        if checked.counter >= highest:
            before.update(highest_counter=checked.counter, highest_release=wanted)
    state.write(home, app, before)
    state.point(home, app, wanted)
    return current


def commit(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Confirms the active release."""
    home = Home()
    with lease.held(home, request):
        commit_release(home, request["app"], request["release"])
    emit("committed", app=request["app"], release=request["release"])


def commit_release(home: Home, app: str, wanted: str) -> None:
    """Confirms that the active release is the one that is meant."""
    current = home.current(app)
    if current != wanted:
        text = "%s is active, not %s" % (current or "nothing", wanted)
        raise Failure(wire.ERROR_NO_RELEASE, text, "deploy again")
    after = state.read(home, app)
    after.update(current=wanted, pending="", tries=0)
    state.write(home, app, after)
