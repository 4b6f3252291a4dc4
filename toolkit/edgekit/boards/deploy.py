"""Puts a release on a board: survey, refuse, plan, apply."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgekit.boards import ahead, signing
from edgekit.boards.applying import Applied, Applying, Budget
from edgekit.boards.artifact_folder import app_name, load_card, read_sources, require_app
from edgekit.boards.bundle_file import choose_release, is_bundle_file, read_bundle_file
from edgekit.boards.bundling import Release, canonical_profile, make_release, sign_release
from edgekit.boards.deploy_plan import Ground, Wanted, is_satisfied, make_plan
from edgekit.boards.preflight import (
    require_fit,
    require_ground,
    require_signature,
    require_space,
    require_systemd,
)
from edgekit.boards.services import ServiceRequest
from edgekit.boards.session import runner_session
from edgekit.boards.signing import SigningKey
from edgekit.boards.sources import Source
from edgekit.boards.stopwatch import Stopwatch
from edgekit.boards.surveying import survey_board
from edgekit.boards.target import target_of_board
from edgekit.boards.transports.contract import Transport
from edgekit.boards.wheelhouse import resolve_wheels
from edgekit.core.artifact import ModelArtifact
from edgekit.core.board import BoardEntry, BoardFacts
from edgekit.core.deploy import Deployment, Plan
from edgekit.core.errors import BoardError, BoardMismatch, ConfigError
from edgekit.core.record import Unavailable
from edgekit_runner import wire

Progress = Callable[[str], None]
ASK_AGAIN_S = 1.0
"""Between two questions whether a busy board is free."""

__all__ = ["DeployRequest", "Deployed", "deploy", "load_card"]


@dataclass(frozen=True)
class DeployRequest:
    """What to deploy where."""

    folder: Path
    """An artifact folder, or a bundle file."""
    entry: BoardEntry
    app: str = ""
    """Name under which it lies on the board; the artifact's name when empty."""
    dry_run: bool = False
    is_unsigned: bool = False
    """True to deploy without a signature, to a board that has enrolled no key."""
    key: Path | None = None
    """Private key to sign with; the user's own when None."""
    accepts_active: bool = False
    """True when an active release with the wanted content is good enough, signed or not."""
    service: ServiceRequest | None = None
    """To have systemd serve it on the board."""
    max_p95_ms: float | None = None
    """Budget for the 95th percentile on the board; a release that misses it is not activated."""
    wait_s: float = 0.0
    """How long to wait while someone else deploys to the board; 0 refuses at once."""


@dataclass(frozen=True)
class Deployed:
    """The outcome: the plan, the board's facts and, unless it was a dry run, the deployment."""

    plan: Plan
    facts: BoardFacts
    deployment: Deployment | None
    site: tuple[str, ...] = ()
    """Folders on the board with the engine's libraries."""


def deploy(
    request: DeployRequest,
    transport: Transport,
    *,
    progress: Progress = lambda message: None,
    pause: Callable[[float], None] = time.sleep,
) -> Deployed:
    """Makes a release the active one of its application; does nothing when it is.

    Every state in between leaves the old release active; running it again is always safe.

    Raises:
        ConfigError: neither an artifact nor a bundle file, or there is no key to sign with.
        BoardMismatch: the board is not what the release was made for, or asks for a signature.
        EngineMissing: no wheels of the engine fit the board.
        DiskFull: not enough space on the board.
        VerificationFailed: a hash, signature, counter or golden output differs.
        GateFailed: the latency on the board is over the budget.
        BoardError: the board was lost, or someone else deploys to it.
    """
    give_up = time.monotonic() + request.wait_s
    is_waiting = False
    while True:
        try:
            return _deploy_now(request, transport, progress)
        except BoardError as err:
            is_busy = err.details.get("code") == wire.ERROR_BUSY
            if not is_busy or time.monotonic() >= give_up:
                raise
            if not is_waiting:
                progress(f"{err.message}; waiting for up to {request.wait_s:.0f} s")
        # the other one changes what is there: everything is asked and planned anew
        is_waiting = True
        pause(ASK_AGAIN_S)


def _deploy_now(request: DeployRequest, transport: Transport, progress: Progress) -> Deployed:
    job = _Job(request, transport, progress)
    release = job.release()
    satisfied = job.is_satisfied(release)
    if not satisfied:
        release = job.signed(release)
    plan = job.plan(release, satisfied=satisfied)
    if request.dry_run:
        return Deployed(plan, job.survey.facts, None)
    applying = Applying(job.session, request.entry, job.survey, job.watch, progress)
    budget = Budget(request.max_p95_ms, request.service)
    done = applying.apply(release, plan, budget) if plan.steps else applying.nothing()
    deployment = _deployment(request, release, plan, done, job.watch)
    return Deployed(plan, job.survey.facts, deployment, done.site)


class _Job:
    """What is wanted, and what the board said."""

    def __init__(self, request: DeployRequest, transport: Transport, progress: Progress) -> None:
        self.request = request
        self.progress = progress
        self.watch = Stopwatch()
        with self.watch.phase("plan"):
            is_file = is_bundle_file(request.folder)
            self.offered = read_bundle_file(request.folder) if is_file else ()
            self.card = self.offered[0].card if self.offered else load_card(request.folder)
            self.app = _app(request, self.card, self.offered)
            self.files = None if is_file else ahead.begin(self._read_files)
        with self.watch.phase("survey"):
            self.session = runner_session(transport)
            self.survey = survey_board(self.session, self.app)
            require_fit(request.entry, self.survey.facts, made_for=self.card.profile)

    def _read_files(self) -> dict[str, Source]:
        return read_sources(self.request.folder, self.card)

    def release(self) -> Release:
        """The release for this board, not yet signed unless it comes from a bundle file."""
        target = target_of_board(self.survey.facts)
        if self.files is None:
            found = choose_release(self.offered, target, self.request.folder)
        else:
            with self.watch.phase("wheels"):
                wheels = resolve_wheels(self.card.engine, target, progress=self.progress)
            with self.watch.phase("plan"):
                profile = profile_of(self.request.entry)
                files = self.files.result()
                found = make_release(
                    files, self.card, wheels, target, app=self.app, profile=profile
                )
        has_wheels = bool(found.bundle.wheels)
        require_ground(self.request.entry, self.survey.ground, has_wheels=has_wheels)
        if self.request.service is not None:
            require_systemd(self.request.entry, self.survey.ground)
        return found

    def is_satisfied(self, release: Release) -> bool:
        """True when the board is as it is wanted to be."""
        return is_satisfied(
            release.content,
            self.survey.active,
            self.survey.active_content,
            is_signed=not (self.request.is_unsigned or self.request.accepts_active),
        )

    def signed(self, release: Release) -> Release:
        """The release with the signature that the board asks for."""
        request, ground, name = self.request, self.survey.ground, self.request.entry.name
        if request.is_unsigned:
            app = release.bundle.app
            self.progress(f"warning: {app} goes to {name} unsigned: nothing proves who made it")
        elif self.offered:
            _require_enrolled(name, ground)
        else:
            key = _key(request)
            if key.public not in ground.keys:
                if not is_virtual(request.entry):
                    _require_enrolled(name, ground, key=key)
                if not request.dry_run:
                    self.session.call("enrol", {"keys": [key.public], "replace": False})
            seen = self.survey.active.highest_counter
            release = sign_release(release, key, seen_by_board=seen)
        require_signature(request.entry, ground, release)
        return release

    def plan(self, release: Release, *, satisfied: bool) -> Plan:
        """What is to be done; refuses what does not fit."""
        survey, entry = self.survey, self.request.entry
        wanted = Wanted(
            release.bundle,
            has_golden=not isinstance(self.card.golden, Unavailable),
            has_gate=self.request.max_p95_ms is not None,
            has_service=self.request.service is not None
            or (survey.active.has_service and not satisfied),
        )
        with self.watch.phase("plan"):
            present: frozenset[str] = frozenset()
            if not satisfied:
                event = self.session.one("have", {"sha256": sorted(release.sources)}, "have")
                present = frozenset(str(sha256) for sha256 in event["sha256"])
                require_space(entry, survey.ground, survey.facts, release, present)
            return make_plan(wanted, survey.active, present, board=entry.name, satisfied=satisfied)


def _app(request: DeployRequest, card: ModelArtifact, offered: tuple[Release, ...]) -> str:
    if not offered:
        return require_app(request.app or app_name(card.name))
    app = offered[0].bundle.app
    if request.app not in ("", app):
        raise ConfigError(
            f"{request.folder} was made for the application {app}, not {request.app}",
            hint=f"edgekit bundle ARTIFACT --app {request.app}",
        )
    return app


def _key(request: DeployRequest) -> SigningKey:
    if request.key is None and is_virtual(request.entry):
        return signing.virtual_key()
    key = signing.find_key(request.key)
    if key is None:
        name = request.entry.name
        raise ConfigError(
            "there is no key yet to sign releases with",
            hint=f"edgekit keys init && edgekit keys enrol {name}  (or deploy with --unsigned)",
        )
    return key


def _require_enrolled(name: str, ground: Ground, *, key: SigningKey | None = None) -> None:
    if ground.keys and (key is None or key.public in ground.keys):
        return
    knows = "accepts the signatures of other keys only"
    unknown = "does not know yet whose signatures to accept"
    raise BoardMismatch(
        f"{name} {knows if ground.keys else unknown}; nothing was sent",
        hint=f"edgekit keys enrol {name}  (or deploy with --unsigned)",
    )


def is_virtual(entry: BoardEntry) -> bool:
    """True for boards that this machine plays: they trust a key of their own."""
    return entry.stand_in or entry.emulated


def _deployment(
    request: DeployRequest, release: Release, plan: Plan, done: Applied, watch: Stopwatch
) -> Deployment:
    return Deployment(
        board=request.entry.name,
        app=release.bundle.app,
        release=plan.release,
        previous=plan.current,
        changed=done.changed,
        sent_bytes=done.sent_bytes,
        signed_by=release.signed_by,
        golden_max_deviation=done.deviation,
        phases_ms=watch.phases_ms,
        release_path=done.path,
        engine=release.bundle.engine,
        engine_version=release.bundle.engine_version,
        p95_ms=done.p95_ms,
        service_port=done.service_port,
    )


def profile_of(entry: BoardEntry) -> str:
    """The kind of board that a board is enrolled as; virtual ones stand for any."""
    return "" if is_virtual(entry) else canonical_profile(entry.profile)
