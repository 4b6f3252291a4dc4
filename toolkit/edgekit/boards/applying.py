"""Carries a plan out: lease, staging, install, check, gate, switch, health, commit or back."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edgekit.boards import sent_files
from edgekit.boards.board_lease import BoardLease
from edgekit.boards.bundling import Release
from edgekit.boards.holder import address_of
from edgekit.boards.services import ServiceRequest, install_service, restart_service
from edgekit.boards.session import Event, RunnerSession
from edgekit.boards.staging import Staged, Staging
from edgekit.boards.stopwatch import Stopwatch
from edgekit.boards.surveying import Survey
from edgekit.core.board import BoardEntry
from edgekit.core.deploy import Action, Plan
from edgekit.core.errors import BoardError, EdgekitError, GateFailed, VerificationFailed
from edgekit.core.units import format_ms
from edgekit_runner import wire
from edgekit_runner.rows import unpack

Progress = Callable[[str], None]
CHECK_TIMEOUT_S = 600
INSTALL_TIMEOUT_S = 900
DIFFERENCE_ERRORS = (wire.ERROR_MISSING_BLOB, wire.ERROR_HASH_MISMATCH)
"""What the board says when a difference does not fit what it has."""
GATE_RUNS = 60
GATE_WARMUP_RUNS = 5
GATE_MAX_S = 20.0


@dataclass(frozen=True)
class Budget:
    """What a release has to keep, and how it is to be served."""

    max_p95_ms: float | None = None
    service: ServiceRequest | None = None


@dataclass(frozen=True)
class Applied:
    """What applying a plan gave."""

    path: str
    """The release's folder on the board."""
    site: tuple[str, ...]
    """Folders with the engine's libraries."""
    changed: bool = False
    sent_bytes: int = 0
    deviation: float | None = None
    p95_ms: float | None = None
    service_port: int = 0


class Applying:
    """One deployment to one board."""

    def __init__(
        self,
        session: RunnerSession,
        entry: BoardEntry,
        survey: Survey,
        watch: Stopwatch,
        progress: Progress,
    ) -> None:
        self.session = session
        self.entry = entry
        self.survey = survey
        self.watch = watch
        self.progress = progress

    def nothing(self) -> Applied:
        """The outcome when the wanted release is active already."""
        active = self.survey.active
        return Applied(active.path, tuple(s for s in [active.site] if s))

    def apply(self, release: Release, plan: Plan, budget: Budget) -> Applied:
        """Does every step of the plan; where one fails, the old release is active.

        Raises:
            VerificationFailed: a hash, signature or golden output differs.
            GateFailed: the latency is over the budget.
            BoardError: the board was lost, is busy, or its disk is full.
        """
        actions = {step.action for step in plan.steps}
        engine = release.bundle.engine
        if Action.INSTALL not in actions:
            done = self.nothing()
            p95_ms = self._gate(done.path, done.site, engine, budget.max_p95_ms)
            port = self._serve(release.bundle.app, budget.service, {})
            return Applied(done.path, done.site, p95_ms=p95_ms, service_port=port)
        address = address_of(self.entry, self.session.transport.home)
        with BoardLease(self.session, address=address) as lease:
            event, sent_bytes = self._install(lease, release)
            path, site = str(event["path"]), tuple(s for s in [str(event["site"])] if s)
            deviation = p95_ms = None
            if Action.CHECK in actions:
                self.progress("checking golden outputs on the board")
                with self.watch.phase("check"):
                    deviation = self._check(path, site, engine)
            if Action.GATE in actions:
                p95_ms = self._gate(path, site, engine, budget.max_p95_ms)
            with self.watch.phase("switch"):
                names = {"app": release.bundle.app, "release": release.id}
                self.session.call("switch", lease.request(**names), timeout_s=CHECK_TIMEOUT_S)
            with self.watch.phase("health"):
                port = self._confirm(lease, release, site, budget.service)
        for entry in release.bundle.files:
            sent_files.remember(release.sources[entry.sha256])
        return Applied(path, site, True, sent_bytes, deviation, p95_ms, port)

    def _install(self, lease: BoardLease, release: Release) -> tuple[Event, int]:
        """Sends and installs; gives what the board says and the bytes that went over the wire."""
        with self.watch.phase("upload"):
            events = lease.begin(sorted(release.sources))
            for event in events:
                if event["event"] == "recovered":
                    self.progress(f"the board settled an earlier deployment: {event['what']}")
            staging = Staging(lease, release, self.survey.active, self.progress)
            staged = staging.send(events)
        sent_bytes = staged.sent_bytes
        try:
            return self._take(lease, release, staged), sent_bytes
        except BoardError as err:
            if not staged.differences or err.details.get("code") not in DIFFERENCE_ERRORS:
                raise
            self.progress(f"a difference did not fit ({err.message}); sending whole files")
        with self.watch.phase("upload"):
            again = self.session.call("have", {"sha256": sorted(release.sources)})
            self.session.call("begin", lease.request(sha256=sorted(release.sources)))
            staged = staging.send(again, is_whole=True)
        return self._take(lease, release, staged), sent_bytes + staged.sent_bytes

    def _take(self, lease: BoardLease, release: Release, staged: Staged) -> Event:
        request = lease.request(
            manifest=release.manifest,
            signature=release.signature,
            differences=list(staged.differences),
        )
        with self.watch.phase("install"):
            for event in self.session.call("install", request, timeout_s=INSTALL_TIMEOUT_S):
                if event["event"] == "installed":
                    return event
        raise VerificationFailed("the board did not confirm the installation", hint="deploy again")

    def _check(self, path: str, site: tuple[str, ...], engine: str) -> float:
        request = {"release_path": path, "site": site, "engine": engine, "threads": 1}
        for event in self.session.call("check", request, timeout_s=CHECK_TIMEOUT_S):
            if event["event"] == "golden":
                deviation = float(event["max_deviation"])
                if not event["passed"]:
                    raise VerificationFailed(
                        f"golden outputs on the board differ by {deviation:.3g}, "
                        f"allowed is {float(event['tolerance']):.3g}; the old release stays active",
                        hint="try another engine: edgekit convert ... --engine onnxruntime",
                    )
                return deviation
        raise VerificationFailed("the board did not answer about the golden outputs")

    def _gate(
        self, path: str, site: tuple[str, ...], engine: str, max_p95_ms: float | None
    ) -> float | None:
        if max_p95_ms is None:
            return None
        self.progress("measuring the latency on the board")
        request = {
            "release_path": path,
            "site": site,
            "engine": engine,
            "threads": self.survey.facts.cpu_count,
            "runs": GATE_RUNS,
            "warmup_runs": GATE_WARMUP_RUNS,
            "min_duration_s": 0.0,
            "max_duration_s": GATE_MAX_S,
            "variant": "copied",
            "input": "golden",
        }
        with self.watch.phase("gate"):
            events = self.session.call("run", request, timeout_s=CHECK_TIMEOUT_S)
        p95_ms = percentile_ms(events)
        if p95_ms > max_p95_ms:
            raise GateFailed(
                f"p95 on {self.entry.name} is {format_ms(p95_ms)}, the budget is "
                f"{format_ms(max_p95_ms)}; the active release is unchanged",
                hint="where does the time go? edgekit run ARTIFACT --board BOARD, then: edgekit explain",
                details={"p95_ms": p95_ms, "max_p95_ms": max_p95_ms},
            )
        return p95_ms

    def _confirm(
        self,
        lease: BoardLease,
        release: Release,
        site: tuple[str, ...],
        service: ServiceRequest | None,
    ) -> int:
        """An answer through the active link and from the service, then the confirmation; else back.

        Gives the port of the service, or 0.
        """
        app = release.bundle.app
        names = {"app": app, "release": release.id}
        link = f"{self.session.transport.home}/{wire.HOME_FOLDER}/{wire.APPS_FOLDER}/{app}"
        try:
            self._check(link, site, release.bundle.engine)
            port = self._serve(app, service, lease.request())
        except EdgekitError:
            with contextlib.suppress(EdgekitError):  # without a release to go back to it stays
                self.session.call("rollback", lease.request(app=app))
                self._serve(app, None, lease.request())
            raise
        self.session.call("commit", lease.request(**names))
        return port

    def _serve(self, app: str, wanted: ServiceRequest | None, holder: Mapping[str, object]) -> int:
        """Has the active release served, by a new service or the one that is there."""
        if wanted is None and not self.survey.active.has_service:
            return 0
        self.progress("waiting for the service's answer")
        if wanted is None:
            return restart_service(self.session, app, holder).port
        return install_service(self.session, app, wanted, holder).port


def percentile_ms(events: list[Event], share: float = 0.95) -> float:
    """A percentile (nearest rank) of the whole invocation over every sample of a run.

    Raises:
        VerificationFailed: there are no samples.
    """
    pieces = [unpack(event)["total"] for event in events if event["event"] == "rows"]
    totals: list[int] = [ns for piece in pieces for ns in piece]
    if not totals:
        raise VerificationFailed("the board gave no samples of its latency")
    return sorted(totals)[math.ceil(share * len(totals)) - 1] / 1e6
