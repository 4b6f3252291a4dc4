"""What a deployment has to do, as a pure function of what is wanted and what is there."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from edgekit.core.deploy import Action, Bundle, Plan, PlanStep
from edgekit.core.record import to_plain
from edgekit_runner import wire


@dataclass(frozen=True)
class BoardState:
    """What the runner said about the board's store."""

    present: frozenset[str]
    """Hashes of the wanted blobs that lie intact in the store."""
    current: str
    """The application's active release, or empty."""
    releases: frozenset[str]
    """Complete releases of the application."""


def bundle_id(bundle: Bundle) -> str:
    """The release id of a bundle, the same on host and board."""
    return wire.release_id(to_plain(bundle))


def wanted_blobs(bundle: Bundle) -> dict[str, tuple[str, int]]:
    """Hash to name and size of everything in the bundle."""
    blobs = {f.sha256: (f.path, f.size_bytes) for f in bundle.files}
    return blobs | {w.sha256: (w.filename, w.size_bytes) for w in bundle.wheels}


def make_plan(bundle: Bundle, state: BoardState, *, board: str, has_golden: bool) -> Plan:
    """The steps from the board's state to the bundle being active; none when it already is."""
    release = bundle_id(bundle)
    missing = _missing(wanted_blobs(bundle), state.present)
    steps: list[PlanStep] = []
    if release not in state.releases or missing:
        steps += [
            PlanStep(Action.UPLOAD, f"{name} ({sha256[:12]})", size_bytes)
            for sha256, (name, size_bytes) in missing.items()
        ]
        steps.append(PlanStep(Action.INSTALL, f"release {release} of {bundle.app}"))
    if state.current != release:
        if has_golden:
            steps.append(PlanStep(Action.CHECK, "golden outputs on the board"))
        steps.append(PlanStep(Action.SWITCH, f"{bundle.app} -> {release}"))
    return Plan(board, bundle.app, release, state.current, tuple(steps))


def needed_bytes(bundle: Bundle, present: AbstractSet[str]) -> int:
    """Space that a deployment takes on the board: blobs, and wheels unpacked beside them.

    Wheels are deflated to about a third of their size on disk; measured on the engines' wheels.
    """
    missing = _missing(wanted_blobs(bundle), present)
    blobs = sum(size for _, size in missing.values())
    unpacked = 3 * sum(w.size_bytes for w in bundle.wheels if w.sha256 in missing)
    return blobs + unpacked


def _missing(
    blobs: Mapping[str, tuple[str, int]], present: AbstractSet[str]
) -> dict[str, tuple[str, int]]:
    return {sha256: blob for sha256, blob in blobs.items() if sha256 not in present}
