"""What a deployment ships and does: bundle, plan, result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from edgekit.core.artifact import FileEntry
from edgekit.core.record import Record


class Action(StrEnum):
    """The kinds of step of a plan."""

    UPLOAD = "upload"
    """Send a blob that the board's store lacks."""
    INSTALL = "install"
    """Verify blobs on the board, unpack engine wheels, build the release folder."""
    CHECK = "check"
    """Run the golden vectors on the board."""
    GATE = "gate"
    """Measure the latency on the board against the budget."""
    SWITCH = "switch"
    """Verify every byte there once more, then point the application at the release, atomically."""
    HEALTH = "health"
    """Ask the active release for an answer; go back to the previous one when it gives none."""
    SERVICE = "service"
    """Let systemd serve the release, and wait for its answer."""
    COMMIT = "commit"
    """Confirm the release; without this the next deployment or start goes back."""


@dataclass(frozen=True)
class Wheel:
    """An engine wheel or one of its dependencies."""

    filename: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Bundle(Record):
    """The content-addressed manifest of a release. Its hash is the release id."""

    KIND: ClassVar[str] = "edgekit.bundle"

    app: str
    engine: str
    engine_version: str
    arch: str
    python_abi: str
    libc: str
    """C library for which the wheels were picked."""
    profile: str
    """Kind of board, an id without aliases; a board enrolled as another kind refuses it."""
    counter: int
    """A board takes no signed release with a lower one than it has seen; 0 when unsigned."""
    files: tuple[FileEntry, ...]
    """Artifact files including card.json, and runner.pyz."""
    wheels: tuple[Wheel, ...]


@dataclass(frozen=True)
class PlanStep:
    """One step of a deployment."""

    action: Action
    what: str
    size_bytes: int = 0


@dataclass(frozen=True)
class Plan(Record):
    """What a deployment would do; empty steps mean that nothing has to change."""

    KIND: ClassVar[str] = "edgekit.plan"

    board: str
    app: str
    release: str
    current: str
    """Release that is active now, or empty."""
    steps: tuple[PlanStep, ...]

    @property
    def upload_bytes(self) -> int:
        """Bytes that go over the wire."""
        return sum(step.size_bytes for step in self.steps if step.action is Action.UPLOAD)


@dataclass(frozen=True)
class Deployment(Record):
    """The result of applying a plan to one board."""

    KIND: ClassVar[str] = "edgekit.deployment"

    board: str
    app: str
    release: str
    previous: str
    changed: bool
    sent_bytes: int
    signed_by: str
    """Fingerprint of the key; empty for an unsigned deployment."""
    golden_max_deviation: float | None
    """Largest difference from the golden outputs on the board; None when none were shipped or
    nothing changed."""
    phases_ms: Mapping[str, float]
    """Wall time per phase: survey, wheels, plan, upload, install, check, gate, switch, health."""
    release_path: str
    """Absolute path of the release on the board."""
    engine: str
    engine_version: str
    service_port: int = 0
    """Loopback port on the board where it is served; 0 when it is not."""
    p95_ms: float | None = None
    """95th percentile on the board when a budget was given."""


@dataclass(frozen=True)
class ReleaseOnBoard:
    """A release that lies on a board."""

    app: str
    release: str
    is_current: bool
    is_previous: bool
    is_confirmed: bool
    is_signed: bool
    counter: int
    engine: str
    size_bytes: int
    problem: str = ""
