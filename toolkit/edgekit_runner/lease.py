"""One deployer at a time: a lock while a command runs, a lease between commands.

The lease runs out by the board's monotonic clock and ends with a reboot, so that neither a
deployer that vanished nor a wrong date can hold a board. A lock alone would not do: one that
belongs to an SSH session outlives a silent partition (measured: still held after 20 s).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from typing import Any, Callable, Dict, Iterator, Optional

from . import wire
from .failure import Failure
from .layout import Home

Emit = Callable[..., None]
LEASE_S = 60.0
LOCK_WAIT_S = 2.0
"""A command of the same deployer may still be ending."""
BOOT_ID = "/proc/sys/kernel/random/boot_id"


@contextlib.contextmanager
def lock(home: Home) -> Iterator[None]:
    """Keeps two commands apart; the kernel ends it with the process."""
    os.makedirs(home.root, exist_ok=True)
    with open(os.path.join(home.root, "lock"), "w", encoding="ascii") as stream:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    text = "another deployment is at work on this board"
                    hint = "wait for it, then deploy again"
                    raise Failure(wire.ERROR_BUSY, text, hint) from error
                time.sleep(0.02)
        yield


@contextlib.contextmanager
def held(home: Home, request: Dict[str, Any]) -> Iterator[None]:  # Any: JSON
    """The lock and the caller's lease, renewed while the block runs.

    A request without a holder is one command on its own: it waits for no lease and leaves none.
    """
    holder = str(request.get("holder", ""))
    with lock(home):
        _require_free(home, holder)
        if not holder:
            yield
            return
        write(home, holder, str(request.get("who", "")), float(request.get("lease_s", LEASE_S)))
        with _heartbeat(home, holder, request):
            yield


def renew(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Says that the deployer is still there."""
    home = Home()
    with lock(home):
        _require_free(home, str(request["holder"]))
        write(
            home, request["holder"], request.get("who", ""), float(request.get("lease_s", LEASE_S))
        )
    emit("lease", **(read(home) or {}))


def end(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Gives the lease back; ``discard`` removes what was sent and not installed."""
    home = Home()
    with lock(home):
        _require_free(home, str(request["holder"]))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_path(home))
        if request.get("discard"):
            import shutil

            shutil.rmtree(home.staging, ignore_errors=True)
    emit("ended")


def read(home: Home) -> Optional[Dict[str, Any]]:  # Any: JSON
    """Who holds the board, since when, for how many seconds more; None when nobody does."""
    try:
        with open(_path(home), encoding="utf-8") as stream:
            found = json.load(stream)
        left_s = float(found["expires_s"]) - time.monotonic()
        same_boot = found["boot_id"] == _boot_id()
        shown = {key: str(found[key])[:200] for key in ("holder", "who", "since_utc")}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if left_s <= 0 or not same_boot:
        return None
    return dict(shown, left_s=round(left_s, 1))


def write(home: Home, holder: str, who: str, lease_s: float) -> None:
    """Takes or prolongs the lease. It need not survive a power cut, so nothing is synced."""
    before = read(home)
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    document = {
        "holder": holder,
        "who": who,
        "since_utc": before["since_utc"] if before else since,
        "boot_id": _boot_id(),
        "expires_s": time.monotonic() + lease_s,
    }
    temporary = "%s.%d" % (_path(home), threading.get_ident())
    with open(temporary, "w", encoding="utf-8") as stream:
        json.dump(document, stream)
    os.replace(temporary, _path(home))


def _require_free(home: Home, holder: str) -> None:
    found = read(home)
    if found and found["holder"] != holder:
        text = "%s is deploying to this board since %s" % (
            found["who"] or "someone",
            found["since_utc"],
        )
        hint = "wait; without a sign of life its hold ends in %.0f s" % found["left_s"]
        raise Failure(wire.ERROR_BUSY, text, hint)


@contextlib.contextmanager
def _heartbeat(home: Home, holder: str, request: Dict[str, Any]) -> Iterator[None]:  # Any: JSON
    lease_s = float(request.get("lease_s", LEASE_S))
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(lease_s / 3):
            with contextlib.suppress(OSError):
                write(home, holder, str(request.get("who", "")), lease_s)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _path(home: Home) -> str:
    return os.path.join(home.root, wire.LEASE_FILE)


def _boot_id() -> str:
    try:
        with open(BOOT_ID, encoding="ascii") as stream:
            return stream.read().strip()
    except OSError:
        return ""
