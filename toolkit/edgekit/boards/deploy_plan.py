"""What a deployment has to do, as a pure function of what is wanted and what is there."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from edgekit.core.deploy import Action, Bundle, Plan, PlanStep
from edgekit.core.record import Record, to_plain
from edgekit_runner import wire

UNPACKED_FACTOR = 3
"""Wheels are deflated to about a third of their size on disk; measured on the engines' wheels."""
INODES_PER_WHEEL_MB = 60
"""Files in an unpacked wheel per megabyte of it; numpy, the worst, has 57."""
SPARE_INODES = 50


@dataclass(frozen=True)
class Lease:
    """Who deploys to the board now."""

    holder: str
    who: str
    since_utc: str
    left_s: float


@dataclass(frozen=True)
class Ground(Record):
    """What the installer will stand on."""

    free_bytes: int
    free_inodes: int | None
    """None where the file system has no limit."""
    is_noexec: bool
    is_writable: bool
    missing_modules: tuple[str, ...]
    has_ssh_keygen: bool
    has_systemd: bool
    keys: tuple[str, ...]
    """Public keys whose signatures the board accepts; none: it takes unsigned releases."""
    profile: str
    """What the board was enrolled as."""
    lease: Lease | None


@dataclass(frozen=True)
class Active(Record):
    """The application's active release on the board."""

    release: str
    previous: str
    manifest: str
    is_signed: bool
    is_confirmed: bool
    is_intact: bool
    highest_counter: int
    releases: tuple[str, ...]
    path: str
    site: str
    has_service: bool = False
    """True when a unit serves the application."""


@dataclass(frozen=True)
class Wanted:
    """What a deployment wants to be true."""

    bundle: Bundle
    has_golden: bool
    has_gate: bool = False
    has_service: bool = False
    """A service is asked for, or there already."""


def bundle_id(bundle: Bundle) -> str:
    """The release id of a bundle, the same on host and board."""
    return wire.release_id(to_plain(bundle))


def wanted_blobs(bundle: Bundle) -> dict[str, tuple[str, int]]:
    """Hash to name and size of everything in the bundle."""
    blobs = {f.sha256: (f.path, f.size_bytes) for f in bundle.files}
    return blobs | {w.sha256: (w.filename, w.size_bytes) for w in bundle.wheels}


def is_satisfied(content: str, active: Active, active_content: str, *, is_signed: bool) -> bool:
    """True when the active release has the wanted content, is confirmed, intact and signed."""
    return (
        bool(active.release)
        and active_content == content
        and active.is_confirmed
        and active.is_intact
        and (active.is_signed or not is_signed)
    )


def make_plan(
    wanted: Wanted, active: Active, present: AbstractSet[str], *, board: str, satisfied: bool
) -> Plan:
    """The steps from the board's state to the bundle being active; none when it already is."""
    bundle = wanted.bundle
    if satisfied:
        steps: list[PlanStep] = []
        if wanted.has_gate:
            steps.append(PlanStep(Action.GATE, "latency on the board"))
        if wanted.has_service:
            steps.append(PlanStep(Action.SERVICE, f"serve {bundle.app} by systemd"))
        return Plan(board, bundle.app, active.release, active.release, tuple(steps))
    release = bundle_id(bundle)
    steps = [
        PlanStep(Action.UPLOAD, f"{name} ({sha256[:12]})", size_bytes)
        for sha256, (name, size_bytes) in missing_blobs(bundle, present).items()
    ]
    steps.append(PlanStep(Action.INSTALL, f"release {release} of {bundle.app}"))
    if wanted.has_golden:
        steps.append(PlanStep(Action.CHECK, "golden outputs on the board"))
    if wanted.has_gate:
        steps.append(PlanStep(Action.GATE, "latency on the board"))
    steps.append(PlanStep(Action.SWITCH, f"{bundle.app} -> {release}"))
    steps.append(PlanStep(Action.HEALTH, "an answer from the active release"))
    if wanted.has_service:
        steps.append(PlanStep(Action.SERVICE, f"serve {bundle.app} by systemd"))
    steps.append(PlanStep(Action.COMMIT, f"release {release}"))
    return Plan(board, bundle.app, release, active.release, tuple(steps))


def missing_blobs(bundle: Bundle, present: AbstractSet[str]) -> dict[str, tuple[str, int]]:
    """Hash to name and size of what the board's store lacks."""
    return {h: blob for h, blob in wanted_blobs(bundle).items() if h not in present}


def needed_bytes(bundle: Bundle, present: AbstractSet[str]) -> int:
    """Space that a deployment takes on the board: blobs, and wheels unpacked beside them."""
    missing = missing_blobs(bundle, present)
    blobs = sum(size for _, size in missing.values())
    wheels = sum(w.size_bytes for w in bundle.wheels if w.sha256 in missing)
    return blobs + UNPACKED_FACTOR * wheels


def needed_inodes(bundle: Bundle, present: AbstractSet[str]) -> int:
    """Files and folders that a deployment makes on the board."""
    missing = missing_blobs(bundle, present)
    wheels = sum(w.size_bytes for w in bundle.wheels if w.sha256 in missing)
    return 2 * len(missing) + INODES_PER_WHEEL_MB * wheels // 1_000_000 + SPARE_INODES


def upload_order(bundle: Bundle, present: AbstractSet[str]) -> Mapping[str, int]:
    """Hash to size of what has to be sent, small files first: they fail soonest."""
    missing = missing_blobs(bundle, present)
    return dict(sorted(((h, size) for h, (_, size) in missing.items()), key=lambda item: item[1]))
