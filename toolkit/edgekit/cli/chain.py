"""Steps that several commands share: open the board, deploy, run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.output import Output

if TYPE_CHECKING:
    from edgekit.boards.deploy import Deployed
    from edgekit.core.artifact import ModelArtifact
    from edgekit.core.board import BoardEntry
    from edgekit.core.measurement import Measurement


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


@dataclass(frozen=True)
class BoardRun:
    """A deployed and measured artifact."""

    entry: BoardEntry
    deployed: Deployed
    measurement: Measurement
    artifact: ModelArtifact


def deploy_and_run(
    folder: Path,
    board: str,
    app: str,
    settings: RunSettings,
    *,
    inventory: Path | None,
    output: Output,
) -> BoardRun:
    """Deploys an artifact when it is not active yet, and measures it."""
    from edgekit.boards.deploy import DeployRequest, deploy, load_card
    from edgekit.boards.opening import open_board
    from edgekit.boards.session import ensure_runner
    from edgekit.core.measurement import RunOptions
    from edgekit.measure.board_run import RunTarget, default_threads, run_on_board
    from edgekit.profiles.device import load_profile

    card = load_card(folder)
    with open_board(
        board, profile=card.profile, inventory=inventory, progress=output.note
    ) as opened:
        request = DeployRequest(folder, opened.entry, app, accepts_active=True)
        deployed = deploy(request, opened.transport, progress=output.note)
        assert deployed.deployment
        profile = load_profile(card.profile)
        options = RunOptions(
            engine=deployed.deployment.engine,
            threads=settings.threads or default_threads(profile, deployed.facts),
            runs=settings.runs,
            warmup_runs=settings.warmup_runs,
            min_duration_s=settings.min_duration_s,
            max_duration_s=max(settings.max_duration_s, settings.min_duration_s),
            variant=settings.variant,
        )
        output.note(f"running {card.name} on {opened.entry.name}")
        target = RunTarget(opened.entry, deployed.facts, deployed.deployment, card, deployed.site)
        measurement = run_on_board(ensure_runner(opened.transport), target, options)
    return BoardRun(opened.entry, deployed, measurement, card)
