"""The board's store of blobs by hash, and the place where they arrive."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Any, Callable, Dict, List

from . import delta, durable, lease, wire
from .failure import Failure
from .layout import Home, listing

Emit = Callable[..., None]


def have(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Which of the wanted blobs lie intact in the store, and what has arrived of the others."""
    home = Home()
    wanted = request["sha256"]
    present = [sha256 for sha256 in wanted if durable.file_sha256(home.blob(sha256)) == sha256]
    emit("have", sha256=present)
    for sha256 in wanted:
        staged = home.staged(sha256)
        if sha256 not in present and os.path.exists(staged):
            found = durable.block_hashes(staged, wire.PREFIX_BLOCK_BYTES)
            emit("staged", sha256=sha256, size=os.path.getsize(staged), blocks=found)


def trim(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Cuts a partly sent blob back to the part that is known to be right."""
    home = Home()
    with lease.held(home, request):
        os.truncate(home.staged(request["sha256"]), int(request["size"]))
    emit("trimmed")


def prepare_staging(home: Home, wanted: List[str]) -> None:
    """Makes the folder for arriving blobs; what nobody wants any more goes."""
    durable.make_folder(home.staging)
    for name in listing(home.staging):
        if name not in wanted:
            path = os.path.join(home.staging, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def take(home: Home, sha256: str, size_bytes: int) -> None:
    """Verifies a staged blob and moves it into the store; one that is there intact stays.

    Raises:
        Failure: it was not sent, or what arrived is something else.
    """
    blob, staged = home.blob(sha256), home.staged(sha256)
    if durable.file_sha256(blob) == sha256:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(staged)
        return
    if not os.path.exists(staged):
        raise Failure(wire.ERROR_MISSING_BLOB, "blob %s was not sent" % sha256[:12])
    if os.path.getsize(staged) != size_bytes:
        found = "%d of %d bytes" % (os.path.getsize(staged), size_bytes)
    else:
        found = durable.file_sha256(staged)
    if found != sha256:
        os.unlink(staged)
        text = "blob %s arrived as %s" % (sha256[:12], found[:40])
        raise Failure(wire.ERROR_HASH_MISMATCH, text, "deploy again")
    try:
        os.chmod(staged, 0o444)
        durable.sync_file(staged)
    except OSError:  # after a failed fsync nobody knows what is on the disk
        os.unlink(staged)
        raise
    durable.make_folder(home.store)
    os.replace(staged, blob)
    durable.sync_folder(home.store)


def rebuild(home: Home, differences: List[Dict[str, Any]]) -> None:  # Any: JSON
    """Makes staged blobs from older ones in the store and the differences that were sent.

    Raises:
        Failure: the older blob is not there intact, or a difference does not fit it.
    """
    for entry in differences:
        target = home.staged(entry["target"])
        base = home.blob(entry["base"]) if entry["base"] else os.devnull
        if entry["base"] and durable.file_sha256(base) != entry["base"]:
            text = "blob %s is not in the store" % entry["base"][:12]
            raise Failure(wire.ERROR_MISSING_BLOB, text)
        sent = home.staged(entry["difference"])
        if durable.file_sha256(sent) != entry["difference"]:
            raise Failure(wire.ERROR_HASH_MISMATCH, "a difference arrived damaged", "deploy again")
        delta.apply(base, sent, target, int(entry["size_bytes"]))
        if durable.file_sha256(target) != entry["target"]:
            os.unlink(target)
            raise Failure(wire.ERROR_HASH_MISMATCH, "a difference gave another file")
        os.unlink(sent)
