"""Steps that several commands share: open the board, deploy, run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.output import Output

if TYPE_CHECKING:
    from edgekit.boards.deploy import Deployed
    from edgekit.boards.opening import OpenBoard
    from edgekit.core.artifact import ModelArtifact
    from edgekit.core.board import BoardEntry
    from edgekit.core.measurement import Measurement, OutputAgreement, RunOptions
    from edgekit.core.run_set import RunSet
    from edgekit.measure.board_run import RunTarget
    from edgekit.measure.golden_check import Thresholds
    from edgekit.measure.sweep import Matrix, Turn


@dataclass(frozen=True)
class RunSettings:
    """How long and how to run."""

    runs: int = 300
    warmup_runs: int = 20
    min_duration_s: float = 3.0
    max_duration_s: float = 60.0
    threads: int = 0
    """0 takes the profile's."""
    variant: str = "copied"
    batch: int = 1
    concurrency: int = 1
    rate_hz: float = 0.0
    engine_options: Mapping[str, str] = field(default_factory=dict)
    policy: str = ""
    width_p50: float = 0.0
    width_p95: float = 0.0
    pipeline: Path | None = None
    """The user's own pipeline.py, in the place of the artifact's."""
    thresholds: Thresholds | None = None
    """What the board's outputs have to keep before anything is timed; None does not check."""


@dataclass(frozen=True)
class BoardRun:
    """A deployed and measured artifact."""

    entry: BoardEntry
    deployed: Deployed
    measurement: Measurement
    artifact: ModelArtifact
    run_set: RunSet | None = None
    """Where several runs were asked for; the measurement is then the last one."""


def deploy_and_run(
    folder: Path,
    board: str,
    app: str,
    settings: RunSettings,
    *,
    inventory: Path | None,
    output: Output,
    matrix: Matrix | None = None,
    records: Path | None = None,
) -> BoardRun:
    """Deploys an artifact when it is not active yet, and measures it.

    With ``records``, what had arrived is kept there when a run breaks off, and every run of a
    matrix has its record there.
    """
    from edgekit.measure.sweep import Matrix

    with open_targets(folder, board, app, settings, inventory=inventory, output=output) as targets:
        return _run_matrix(targets, matrix or Matrix(), records)


@contextmanager
def open_targets(
    folder: Path,
    board: str,
    app: str,
    settings: RunSettings,
    *,
    inventory: Path | None,
    output: Output,
) -> Iterator[Targets]:
    """A connected board to which the artifact is deployed as it is needed."""
    from edgekit.boards.deploy import load_card
    from edgekit.boards.opening import open_board

    card = load_card(folder)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgekit-run-")))
        opened = stack.enter_context(
            open_board(board, profile=card.profile, inventory=inventory, progress=output.note)
        )
        yield Targets(folder, scratch, app, settings, opened, output)


@dataclass
class Targets:
    """Deploys the artifact once per engine, when it is first needed."""

    folder: Path
    scratch: Path
    app: str
    settings: RunSettings
    opened: OpenBoard
    output: Output
    deployed: dict[str, tuple[Deployed, RunTarget]] = field(default_factory=dict)
    agreements: dict[str, tuple[OutputAgreement, ...]] = field(default_factory=dict)

    def get(self, engine: str) -> tuple[Deployed, RunTarget]:
        """The release for an engine; empty takes the artifact's own."""
        from edgekit.boards.artifact_folder import app_name
        from edgekit.boards.deploy import DeployRequest, deploy, load_card
        from edgekit.cli.variants import with_changes
        from edgekit.measure.board_run import RunTarget

        if engine in self.deployed:
            return self.deployed[engine]
        own = load_card(self.folder)
        changed = with_changes(
            self.folder,
            self.scratch / (engine or "own"),
            engine=engine,
            pipeline=self.settings.pipeline,
        )
        app = self.app
        if engine and engine != own.engine:
            app = f"{self.app or app_name(own.name)}-{engine}"
        request = DeployRequest(changed, self.opened.entry, app, accepts_active=True)
        deployed = deploy(request, self.opened.transport, progress=self.output.note)
        assert deployed.deployment
        target = RunTarget(
            self.opened.entry,
            deployed.facts,
            deployed.deployment,
            load_card(changed),
            deployed.site,
            str(self.folder),
        )
        self.deployed[engine] = deployed, target
        return deployed, target


def _run_matrix(targets: Targets, matrix: Matrix, records: Path | None) -> BoardRun:
    from edgekit.boards.session import ensure_runner
    from edgekit.cli.live import LiveLine
    from edgekit.core.record import save
    from edgekit.measure.board_run import run_on_board
    from edgekit.measure.sweep import make_cells, make_order, make_run_set

    def keep(measurement: Measurement) -> Path:
        assert records
        return save(measurement, records / f"{measurement.id}.json")

    first_engine = matrix.engines[0] if matrix.engines else ""
    deployed, target = targets.get(first_engine)
    cells = make_cells(options_for(targets.settings, target), matrix)
    turns: list[tuple[Turn, Measurement]] = []
    total = len(cells) * matrix.launches
    session = ensure_runner(targets.opened.transport)
    for turn in make_order(len(cells), matrix):
        options = cells[turn.cell]
        deployed, target = targets.get(options.engine if matrix.engines else "")
        prefix = "" if total == 1 else f"{len(turns) + 1}/{total} {describe(options, cells)} "
        targets.output.note(
            f"{prefix}running {target.artifact.name} on {targets.opened.entry.name}"
        )
        agreement = _checked(targets, target, options)
        live = LiveLine(quiet=targets.output.quiet)
        try:
            measured = run_on_board(
                session, target, options, on_event=live.take, keep=keep if records else None
            )
        finally:
            live.close()
        measured = replace(measured, agreement=agreement)
        turns.append((turn, measured))
        if records and total > 1:
            keep(measured)
    run_set = None if total == 1 else make_run_set(cells, turns, seed=matrix.seed)
    return BoardRun(targets.opened.entry, deployed, turns[-1][1], target.artifact, run_set=run_set)


def _checked(
    targets: Targets, target: RunTarget, options: RunOptions
) -> tuple[OutputAgreement, ...]:
    """The board's outputs against the original's, once per engine; nothing when not asked."""
    from edgekit.boards.session import ensure_runner
    from edgekit.measure.golden_check import agreement_rows, check_on_board, require_agreement

    thresholds = targets.settings.thresholds
    if thresholds is None:
        return ()
    if options.engine not in targets.agreements:
        session = ensure_runner(targets.opened.transport)
        found = check_on_board(session, target, options)
        targets.agreements[options.engine] = found
        for cells in agreement_rows(found):
            name, against, largest, cosine, snr, top1 = cells
            targets.output.note(
                f"{name} against the {against}: differs by up to {largest}, cosine {cosine}, "
                f"SNR {snr}, top-1 {top1}"
            )
        require_agreement(found, thresholds)
    return targets.agreements[options.engine]


def describe(options: RunOptions, cells: tuple[RunOptions, ...]) -> str:
    """What tells one combination from the others, in words."""
    parts = []
    if len({cell.engine for cell in cells}) > 1:
        parts.append(options.engine)
    if len({cell.threads for cell in cells}) > 1:
        parts.append(f"{options.threads} threads")
    if len({cell.batch for cell in cells}) > 1:
        parts.append(f"batch {options.batch}")
    return ", ".join(parts)


def options_for(settings: RunSettings, target: RunTarget) -> RunOptions:
    """The options of a run: the settings completed by the profile."""
    from edgekit.core.measurement import RunOptions
    from edgekit.measure.board_run import default_threads
    from edgekit.profiles.device import load_profile

    profile = load_profile(target.artifact.profile)
    options = RunOptions(
        engine=target.deployment.engine,
        threads=settings.threads or default_threads(profile, target.facts),
        runs=settings.runs,
        warmup_runs=settings.warmup_runs,
        min_duration_s=settings.min_duration_s,
        max_duration_s=max(settings.max_duration_s, settings.min_duration_s),
        variant=settings.variant,
    )
    return replace(
        options,
        batch=settings.batch,
        concurrency=settings.concurrency,
        rate_hz=settings.rate_hz,
        engine_options=dict(settings.engine_options),
        policy=settings.policy,
        width_p50=settings.width_p50,
        width_p95=settings.width_p95,
    )
