"""Another recipe as a remedy: converted from the card's own request, measured beside what is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.chain import Targets
from edgekit.cli.investigating import Investigation
from edgekit.core.artifact import ModelArtifact
from edgekit.core.errors import EdgekitError

if TYPE_CHECKING:
    from edgekit.core.measurement import Measurement

RECIPE = "recipe"
MOST_DROP_POINTS = 1.0
"""Budget where the person's own conversion had none and labelled data are there.
Source: docs/convert.md, the usual budget of a quantized model."""
LEAST_AGREEMENT = 0.95
"""The same where there are no labels: share of samples with the original's arg-max."""


def can_reconvert(card: ModelArtifact | None, recipe: str) -> str:
    """Why the artifact cannot be converted again with another recipe; empty when it can."""
    from edgekit.convert.replay import request_of

    if card is None:
        return "the artifact is not known"
    try:
        request = request_of(card, {})
    except EdgekitError as err:
        return err.message
    if recipe == "int8-static" and request.calibration is None:
        return "there are no calibration samples"
    return ""


def reconvert(investigation: Investigation, recipe: str) -> Path:
    """The artifact with another recipe, in a folder beside it, within the accuracy budget.

    Raises:
        GateFailed: it loses more than the budget.
        ConvertError: it cannot be converted.
    """
    from edgekit.boards.deploy import load_card
    from edgekit.convert.converting import convert
    from edgekit.convert.replay import request_of

    folder = investigation.targets.folder
    request = request_of(load_card(folder), {})
    wanted = replace(request, recipe=recipe)
    if not wanted.has_budget and request.data is not None:
        wanted = replace(wanted, max_drop_points=MOST_DROP_POINTS)
    elif not wanted.has_budget:
        wanted = replace(wanted, min_agreement=LEAST_AGREEMENT)
    made = folder.with_name(f"{folder.name}-{recipe}")
    convert(wanted, made, progress=investigation.output.note)
    return made


def measure_beside(
    investigation: Investigation, made: Path, rounds: int
) -> tuple[list[Measurement], list[Measurement]]:
    """Runs of the artifact that is there and of the new one, in turn."""
    from edgekit.measure.board_run import run_on_board
    from edgekit.measure.experimenting import brief

    measured = investigation.measured
    assert measured
    base = brief(measured.options)
    before: list[Measurement] = []
    after: list[Measurement] = []
    with _beside(investigation, made) as targets:
        target = targets.get("")[1]
        options = replace(base, engine=target.deployment.engine)
        if options.engine != base.engine:
            options = replace(options, engine_options={})
        for number in range(rounds):
            for is_new in (False, True) if number % 2 == 0 else (True, False):
                if is_new:
                    after.append(run_on_board(investigation.session, target, options))
                else:
                    before.append(investigation.run(base))
    return before, after


@contextmanager
def _beside(investigation: Investigation, made: Path) -> Iterator[Targets]:
    """The new artifact as an application of its own on the same, open board."""
    import tempfile

    from edgekit.boards.artifact_folder import app_name
    from edgekit.boards.deploy import load_card

    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgekit-run-")))
        old = investigation.targets
        recipe = load_card(made).recipe
        app = f"{old.app or app_name(load_card(made).name)}-{recipe}"
        yield Targets(made, scratch, app, old.settings, old.opened, old.output)


def put_in_force(investigation: Investigation, made: Path) -> None:
    """The new artifact takes the place of the old one on the board; `edgekit rollback` undoes it."""
    old = investigation.targets
    investigation.targets = Targets(
        made, old.scratch / made.name, old.app, old.settings, old.opened, old.output
    )
    investigation.targets.scratch.mkdir(parents=True, exist_ok=True)
    investigation.question = replace(investigation.question, engine="")
