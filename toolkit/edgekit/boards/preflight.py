"""Refuses what cannot work, with the reason, before one byte is sent."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from edgekit.boards.bundling import Release
from edgekit.boards.deploy_plan import Ground, needed_bytes, needed_inodes
from edgekit.core.board import BoardEntry, BoardFacts
from edgekit.core.errors import BoardError, BoardMismatch, DiskFull
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes
from edgekit.profiles.device import load_profile
from edgekit.profiles.matching import check_board

NOTHING_SENT = "nothing was sent"


def require_fit(entry: BoardEntry, facts: BoardFacts, *, made_for: str) -> None:
    """Refuses a board that is not what its profile, or the artifact's, says.

    Raises:
        BoardMismatch: it is not.
    """
    for name in dict.fromkeys(n for n in (entry.profile, made_for) if n):
        profile = load_profile(name)
        problems = check_board(profile, facts, stand_in=entry.stand_in)
        if problems:
            made = "" if name == entry.profile else ", for which this artifact was made"
            raise BoardMismatch(
                f"{entry.name} is not a {profile.id}{made}: {'; '.join(problems)}",
                hint=f"edgekit boards probe {entry.name}",
                details={"problems": list(problems)},
            )


def require_ground(entry: BoardEntry, ground: Ground, *, has_wheels: bool) -> None:
    """Refuses a board whose system cannot hold or run a release.

    Raises:
        BoardMismatch: its Python is incomplete, or programs may not run from the home folder.
        BoardError: its disk is read-only.
    """
    if not ground.is_writable:
        raise BoardError(
            f"{entry.name}: the home folder cannot be written; {NOTHING_SENT}",
            hint="deploy as a user whose home is writable: edgekit boards add ... --user",
        )
    if has_wheels and ground.is_noexec:
        raise BoardMismatch(
            f"{entry.name}: the home folder is mounted noexec, engines cannot be loaded from it; "
            f"{NOTHING_SENT}",
            hint="on the board: sudo mount -o remount,exec the file system of the home folder",
        )
    if has_wheels and ground.missing_modules:
        raise BoardMismatch(
            f"{entry.name}: its Python lacks {', '.join(ground.missing_modules)}, which numpy "
            f"needs; {NOTHING_SENT}",
            hint="on the board: sudo apt install python3  (python3-minimal is not enough)",
        )


def require_systemd(entry: BoardEntry, ground: Ground) -> None:
    """Refuses to install a service where nothing could run it.

    Raises:
        BoardMismatch: the board has no systemd.
    """
    if not ground.has_systemd:
        raise BoardMismatch(
            f"{entry.name} does not run systemd, so no service can be installed; {NOTHING_SENT}",
            hint="deploy without --service, and let your own init start: "
            "python3 ~/.edgekit/apps/APP/runner.pyz serve",
        )


def require_space(
    entry: BoardEntry,
    ground: Ground,
    facts: BoardFacts,
    release: Release,
    present: AbstractSet[str],
) -> None:
    """Refuses what does not fit on the disk or in memory.

    Raises:
        DiskFull: not enough bytes or inodes.
        BoardMismatch: the model is larger than the memory that is free.
    """
    bundle = release.bundle
    needed = needed_bytes(bundle, present)
    hint = f"free some space: edgekit gc {entry.name}"
    if needed > ground.free_bytes:
        raise DiskFull(
            f"{entry.name}: the release needs {format_bytes(needed)}, the board has "
            f"{format_bytes(ground.free_bytes)} free; {NOTHING_SENT}",
            hint=hint,
        )
    inodes = needed_inodes(bundle, present)
    if ground.free_inodes is not None and inodes > ground.free_inodes:
        raise DiskFull(
            f"{entry.name}: the release needs about {inodes} files, the board's disk has room "
            f"for {ground.free_inodes}; {NOTHING_SENT}",
            hint=hint,
        )
    available = facts.ram_available_mb
    if not isinstance(available, Unavailable) and release.card.size_bytes > available * 1e6:
        raise BoardMismatch(
            f"{entry.name}: the model has {format_bytes(release.card.size_bytes)}, "
            f"{format_bytes(available * 1e6)} of memory are free; {NOTHING_SENT}",
            hint="a smaller model: edgekit convert MODEL --recipe int8-static",
        )


def require_signature(entry: BoardEntry, ground: Ground, release: Release) -> None:
    """Refuses what the board would refuse about the signature.

    Raises:
        BoardMismatch: the board takes signed releases only, or cannot verify them.
    """
    if ground.keys and not release.signature:
        raise BoardMismatch(
            f"{entry.name} takes signed releases only; {NOTHING_SENT}",
            hint=f"deploy without --unsigned; edgekit keys show {entry.name}",
        )
    if release.signature and not ground.has_ssh_keygen:
        raise BoardMismatch(
            f"{entry.name} has no ssh-keygen to verify signatures with; {NOTHING_SENT}",
            hint="on the board: sudo apt install openssh-client  (or deploy with --unsigned)",
        )
