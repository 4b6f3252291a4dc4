"""Puts an artifact on a board: plan, upload, verify, check golden outputs, switch."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgekit.boards.deploy_plan import BoardState, bundle_id, make_plan, needed_bytes, wanted_blobs
from edgekit.boards.probe import probe_board
from edgekit.boards.runner_archive import runner_archive
from edgekit.boards.session import RunnerSession, ensure_runner
from edgekit.boards.transports.contract import Transport
from edgekit.boards.wheelhouse import WheelSet, resolve_wheels
from edgekit.core.artifact import FileEntry, ModelArtifact
from edgekit.core.board import BoardEntry, BoardFacts
from edgekit.core.deploy import Action, Bundle, Deployment, Plan
from edgekit.core.errors import (
    BoardError,
    BoardMismatch,
    ConfigError,
    DiskFull,
    VerificationFailed,
)
from edgekit.core.record import Unavailable, load, to_plain
from edgekit.core.units import format_bytes
from edgekit.profiles.device import load_profile
from edgekit.profiles.matching import check_board
from edgekit_runner import wire

Progress = Callable[[str], None]
APP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
CHECK_TIMEOUT_S = 600
INSTALL_TIMEOUT_S = 900


@dataclass(frozen=True)
class DeployRequest:
    """What to deploy where."""

    folder: Path
    """The artifact folder, with card.json."""
    entry: BoardEntry
    app: str = ""
    """Name under which it lies on the board; the artifact's name when empty."""
    dry_run: bool = False


@dataclass(frozen=True)
class Deployed:
    """The outcome: the plan, the board's facts and, unless it was a dry run, the deployment."""

    plan: Plan
    facts: BoardFacts
    deployment: Deployment | None
    site: tuple[str, ...] = ()
    """Folders on the board with the engine's libraries."""


class Meter:
    """Says how far a transfer is, every few seconds."""

    INTERVAL_S = 3.0

    def __init__(self, total_bytes: int, progress: Progress) -> None:
        self.total_bytes = max(total_bytes, 1)
        self.progress = progress
        self.sent_bytes = 0
        self.begin_s = self.said_s = time.monotonic()

    def add(self, size_bytes: int) -> None:
        """Counts bytes that were sent."""
        self.sent_bytes += size_bytes
        now_s = time.monotonic()
        if now_s - self.said_s >= self.INTERVAL_S:
            self.said_s = now_s
            rate = format_bytes(self.sent_bytes / (now_s - self.begin_s))
            self.progress(f"  {self.sent_bytes / self.total_bytes:.0%} at {rate}/s")


class Stopwatch:
    """Wall time of named phases in milliseconds."""

    def __init__(self) -> None:
        self.phases_ms: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Adds the time of the block to a phase."""
        started = time.perf_counter_ns()
        try:
            yield
        finally:
            spent_ms = (time.perf_counter_ns() - started) / 1e6
            self.phases_ms[name] = round(self.phases_ms.get(name, 0.0) + spent_ms, 3)


def deploy(
    request: DeployRequest, transport: Transport, *, progress: Progress = lambda message: None
) -> Deployed:
    """Makes the artifact the active release of its application; does nothing when it is.

    Every state in between leaves the old release active; running it again is always safe.

    Raises:
        ConfigError: the folder is not an artifact.
        BoardMismatch: the board is not what the artifact was made for.
        EngineMissing: no wheels of the engine fit the board.
        DiskFull: not enough space on the board.
        VerificationFailed: a hash or a golden output differs.
    """
    watch = Stopwatch()
    card = load_card(request.folder)
    app = request.app or app_name(card.name)
    if not APP.fullmatch(app):
        raise ConfigError(
            f"an application cannot be called {app!r}", hint="--app NAME: letters, digits, . _ -"
        )
    with watch.phase("probe"):
        session = ensure_runner(transport)
        facts = probe_board(session)
        _require_fit(card, request.entry, facts)
    with watch.phase("wheels"):
        wheels = resolve_wheels(card.engine, facts, progress=progress)
    with watch.phase("plan"):
        contents = read_contents(request.folder, card)
        bundle = make_bundle(app, contents, wheels, facts)
        state = read_state(session, bundle)
        has_golden = not isinstance(card.golden, Unavailable)
        plan = make_plan(bundle, state, board=request.entry.name, has_golden=has_golden)
        require_space(bundle, state, facts)
    if request.dry_run:
        return Deployed(plan, facts, None)
    apply = _Apply(session, bundle, plan, watch, progress)
    deviation, path, site = apply.run(contents, wheels, card)
    deployment = Deployment(
        board=request.entry.name,
        app=app,
        release=plan.release,
        previous=plan.current,
        changed=bool(plan.steps),
        sent_bytes=plan.upload_bytes,
        golden_max_deviation=deviation,
        phases_ms=watch.phases_ms,
        release_path=path,
        engine=card.engine,
        engine_version=wheels.version,
    )
    return Deployed(plan, facts, deployment, site)


def app_name(model_name: str) -> str:
    """A model's name as the name of an application: letters, digits, dots, dashes.

    Example:
        >>> app_name("my model (v2)")
        'my-model-v2'
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", model_name).strip("-._")
    return plain[:100] or "model"


def load_card(folder: Path) -> ModelArtifact:
    """The card of an artifact folder.

    Raises:
        ConfigError: there is none, or it names files outside the folder.
    """
    path = folder / wire.CARD_FILE
    if not path.is_file():
        raise ConfigError(
            f"{folder} is not an artifact: it has no {wire.CARD_FILE}",
            hint="make one: edgekit convert MODEL --profile raspberrypi --out artifact",
        )
    card = load(ModelArtifact, path)
    for name in (card.model, *(entry.path for entry in card.files)):
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts:
            raise ConfigError(
                f"{path} names {name!r}, which lies outside the artifact",
                hint="do not use this artifact; convert the model again",
            )
    if card.model not in {entry.path for entry in card.files}:
        raise ConfigError(f"{path} names the model {card.model!r}, which is not among its files")
    return card


def read_contents(folder: Path, card: ModelArtifact) -> dict[str, bytes]:
    """Path to content of everything a release holds.

    Raises:
        VerificationFailed: a file is missing or is not the one that the card names.
    """
    contents = {}
    for entry in card.files:
        path = folder / entry.path
        data = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            what = "has changed since it was converted" if path.is_file() else "is missing"
            raise VerificationFailed(
                f"{path} {what}", hint="convert the model again: edgekit convert MODEL ..."
            )
        contents[entry.path] = data
    contents[wire.CARD_FILE] = (folder / wire.CARD_FILE).read_bytes()
    contents[wire.RUNNER_FILE] = runner_archive()
    return contents


def make_bundle(
    app: str, contents: dict[str, bytes], wheels: WheelSet, facts: BoardFacts
) -> Bundle:
    """The manifest of a release."""
    files = tuple(
        FileEntry(path, hashlib.sha256(data).hexdigest(), len(data))
        for path, data in sorted(contents.items())
    )
    return Bundle(
        app=app,
        engine=wheels.engine,
        engine_version=wheels.version,
        arch=facts.arch,
        python_abi=facts.python_abi,
        files=files,
        wheels=wheels.wheels,
    )


def read_state(session: RunnerSession, bundle: Bundle) -> BoardState:
    """What the board has of a bundle."""
    present: frozenset[str] = frozenset()
    current, releases = "", frozenset[str]()
    for event in session.call("have", {"sha256": sorted(wanted_blobs(bundle))}):
        if event["event"] == "have":
            present = frozenset(event["sha256"])
        elif event["event"] == "state":
            current = event["apps"].get(bundle.app, "")
            releases = frozenset(event["releases"].get(bundle.app, ()))
    return BoardState(present, current, releases)


class _Apply:
    """Carries a plan out."""

    def __init__(
        self,
        session: RunnerSession,
        bundle: Bundle,
        plan: Plan,
        watch: Stopwatch,
        progress: Progress,
    ) -> None:
        self.session = session
        self.bundle = bundle
        self.plan = plan
        self.watch = watch
        self.progress = progress

    def run(
        self, contents: dict[str, bytes], wheels: WheelSet, card: ModelArtifact
    ) -> tuple[float | None, str, tuple[str, ...]]:
        """Golden deviation (None when not checked), release path, site folders."""
        actions = {step.action for step in self.plan.steps}
        txn = secrets.token_hex(8)
        if Action.UPLOAD in actions:
            with self.watch.phase("upload"):
                self._upload(txn, contents, wheels)
        with self.watch.phase("install"):
            event = self._install(txn)
        path, site = str(event["path"]), tuple(s for s in [str(event["site"])] if s)
        deviation = None
        if Action.CHECK in actions:
            self.progress("checking golden outputs on the board")
            with self.watch.phase("check"):
                deviation = self._check(path, site, card)
        if Action.SWITCH in actions:
            with self.watch.phase("switch"):
                self.session.call("switch", {"app": self.bundle.app, "release": self.plan.release})
        return deviation, path, site

    def _upload(self, txn: str, contents: dict[str, bytes], wheels: WheelSet) -> None:
        transport = self.session.transport
        staging = f"{transport.home}/{wire.HOME_FOLDER}/{wire.STAGING_FOLDER}/{txn}"
        transport.run(["mkdir", "-p", "-m", "700", staging])
        blobs = {hashlib.sha256(data).hexdigest(): data for data in contents.values()}
        paths = {wheel.sha256: wheels.path(wheel) for wheel in wheels.wheels}
        try:
            self._send(staging, blobs, paths)
        except BaseException:  # also Ctrl-C: nothing half-sent is left
            with contextlib.suppress(BoardError):
                transport.run(["rm", "-rf", staging], timeout_s=10)
            raise

    def _send(self, staging: str, blobs: dict[str, bytes], paths: dict[str, Path]) -> None:
        transport = self.session.transport
        uploads = [step for step in self.plan.steps if step.action is Action.UPLOAD]
        self.progress(f"sending {len(uploads)} files, {format_bytes(self.plan.upload_bytes)}")
        wanted = {f"{name} ({h[:12]})": h for h, (name, _) in wanted_blobs(self.bundle).items()}
        meter = Meter(self.plan.upload_bytes, self.progress)
        for step in uploads:
            sha256 = wanted[step.what]
            data = blobs[sha256] if sha256 in blobs else paths[sha256].read_bytes()
            transport.put(data, f"{staging}/{sha256}", on_bytes=meter.add)

    def _install(self, txn: str) -> dict[str, object]:
        request = {"txn": txn, "manifest": to_plain(self.bundle)}
        for event in self.session.call("install", request, timeout_s=INSTALL_TIMEOUT_S):
            if event["event"] == "installed":
                return event
        raise VerificationFailed("the board did not confirm the installation", hint="deploy again")

    def _check(self, path: str, site: tuple[str, ...], card: ModelArtifact) -> float:
        request = {"release_path": path, "site": site, "engine": card.engine, "threads": 1}
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


def _require_fit(card: ModelArtifact, entry: BoardEntry, facts: BoardFacts) -> None:
    for name in dict.fromkeys(n for n in (entry.profile, card.profile) if n):
        profile = load_profile(name)
        problems = check_board(profile, facts, stand_in=entry.stand_in)
        if problems:
            made = "" if name == entry.profile else ", for which this artifact was made"
            raise BoardMismatch(
                f"{entry.name} is not a {profile.id}{made}: {'; '.join(problems)}",
                hint=f"edgekit boards probe {entry.name}",
                details={"problems": list(problems)},
            )


def require_space(bundle: Bundle, state: BoardState, facts: BoardFacts) -> None:
    """Refuses before anything is sent.

    Raises:
        DiskFull: the board has less free than the release needs.
    """
    if isinstance(facts.disk_free_mb, Unavailable) or bundle_id(bundle) in state.releases:
        return
    needed = needed_bytes(bundle, state.present)
    if needed > facts.disk_free_mb * 1e6:
        raise DiskFull(
            f"the release needs {format_bytes(needed)}, the board has "
            f"{format_bytes(facts.disk_free_mb * 1e6)} free; nothing was sent",
            hint="free some space on the board, then deploy again",
        )
