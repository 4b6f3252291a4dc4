"""The chain behind ``edgekit convert --measure-on``: make candidates, measure them, keep the best."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.chain import BoardRun, RunSettings, deploy_and_run
from edgekit.cli.output import Output
from edgekit.core.errors import EdgekitError, GateFailed, StepFailed
from edgekit.core.record import Unavailable, save, to_plain
from edgekit.core.selection import Candidate, Selection

if TYPE_CHECKING:
    from edgekit.convert.request import ConvertRequest
    from edgekit.core.artifact import ModelArtifact
    from edgekit.core.measurement import Measurement

AUTO, FLOAT = "auto", "float"
APP = "candidate"
"""Candidates are deployed under a name of their own; the application that is active stays so."""


@dataclass(frozen=True)
class SelectSettings:
    """Where candidates are measured, and how long."""

    board: str
    records: Path
    inventory: Path | None = None
    rounds: int = 2
    """Every candidate once per round, so that a slow spell of the board is seen."""
    run: RunSettings = field(default_factory=lambda: RunSettings(200, 20, 1.5, 30.0))


@dataclass(frozen=True)
class _Made:
    """A candidate with its folder, and the measurements so far."""

    candidate: Candidate
    folder: Path
    measurements: tuple[Measurement, ...] = ()


def select(
    request: ConvertRequest, out: Path, settings: SelectSettings, output: Output
) -> tuple[Selection, ModelArtifact]:
    """Keeps the fastest candidate within the budget as the artifact ``out``.

    Raises:
        BoardError: the board cannot be reached.
        StepFailed: no candidate could be made and measured.
        GateFailed: none keeps the budget; nothing is written.
    """
    from edgekit.boards.opening import open_board
    from edgekit.convert.converting import convert
    from edgekit.measure.selecting import nearest

    with open_board(
        settings.board,
        profile=request.profile,
        inventory=settings.inventory,
        progress=output.note,
    ):
        output.note(f"{settings.board} answers; making candidates")
    with tempfile.TemporaryDirectory(prefix="edgekit-select-") as scratch:
        made, unmade = _make_all(request, Path(scratch), output)
        run: BoardRun | None = None
        for number in range(settings.rounds):
            for name in list(made):
                output.note(f"round {number + 1} of {settings.rounds}: {name}")
                run = _measure(name, made, unmade, settings, output) or run
        selection = _selection(request, run, made, unmade)
        save(selection, settings.records / f"selection-{selection.model_name}.json")
        if not selection.winner:
            best = nearest(selection.candidates)
            raise GateFailed(
                f"no candidate keeps the budget; the nearest: {best.name}, {best.missed}",
                hint="a wider budget, more typical --calibration samples, or another --engine",
                details={"selection": to_plain(selection)},
            )
        kept = made[selection.winner].candidate
        card = convert(_alone(request, kept.engine, kept.recipe), out, progress=output.detail)
    return selection, card


def _make_all(
    request: ConvertRequest, scratch: Path, output: Output
) -> tuple[dict[str, _Made], list[Candidate]]:
    """Candidates by name, and those that could not be made, with the reason."""
    from edgekit.convert.budget import judge
    from edgekit.convert.converting import convert

    made: dict[str, _Made] = {}
    unmade: list[Candidate] = []
    for engine, recipe, reason in _wanted(request):
        candidate = Candidate(engine, recipe, Unavailable("it was not made"))
        if reason or candidate.name in made:
            if reason:
                unmade.append(replace(candidate, p50_ms=Unavailable(reason)))
            continue
        alone = _alone(request, engine, recipe)
        folder = scratch / f"{engine}-{recipe}"
        output.note(f"{candidate.name}:")
        try:
            card = convert(alone, folder, progress=lambda text: output.note(f"  {text}"))
        except EdgekitError as err:
            output.note(f"  left out: {err.message}")
            unmade.append(replace(candidate, p50_ms=Unavailable(err.message)))
            continue
        rung = judge(card, request)
        candidate = replace(
            candidate,
            size_bytes=card.size_bytes,
            drop_points=rung.drop_points,
            agreement=rung.top1_agreement,
            missed=rung.missed,
        )
        made[candidate.name] = _Made(candidate, folder)
    return made, unmade


def _wanted(request: ConvertRequest) -> Iterator[tuple[str, str, str]]:
    """Engine, recipe and, where it cannot be, the reason: the profile's recipes, and float to compare."""
    from edgekit.convert.converting import plan_conversion
    from edgekit.profiles.device import load_profile

    profile = load_profile(request.profile)
    asked = profile.recipes if request.recipe == AUTO else (request.recipe,)
    for recipe in dict.fromkeys((*asked, FLOAT)):
        if recipe == AUTO:
            continue
        alone = _alone(request, request.engine, recipe)
        try:
            _, choices = plan_conversion(alone)
        except EdgekitError as err:
            if request.recipe != AUTO:
                raise
            yield request.engine or "every engine", recipe, err.message
            continue
        for choice in choices:
            yield choice.engine, choice.recipe, ""


def _alone(request: ConvertRequest, engine: str, recipe: str) -> ConvertRequest:
    """The same conversion by one engine and recipe, whatever its accuracy."""
    return replace(request, engine=engine, recipe=recipe, max_drop_points=None, min_agreement=None)


def _measure(
    name: str,
    made: dict[str, _Made],
    unmade: list[Candidate],
    settings: SelectSettings,
    output: Output,
) -> BoardRun | None:
    """Deploys and runs one candidate; one that the board refuses is moved to the others."""
    item = made[name]
    try:
        run = deploy_and_run(
            item.folder,
            settings.board,
            APP,
            settings.run,
            inventory=settings.inventory,
            output=output,
        )
    except EdgekitError as err:
        output.note(f"  left out: {err.message}")
        del made[name]
        unmade.append(replace(item.candidate, p50_ms=Unavailable(err.message)))
        return None
    save(run.measurement, settings.records / f"{run.measurement.id}.json")
    made[name] = replace(item, measurements=(*item.measurements, run.measurement))
    return run


def _selection(
    request: ConvertRequest, run: BoardRun | None, made: dict[str, _Made], unmade: list[Candidate]
) -> Selection:
    from edgekit.measure.selecting import fastest, marked, notes_on

    if run is None:
        reasons = "; ".join(
            f"{c.name}: {c.p50_ms.reason}" for c in unmade if isinstance(c.p50_ms, Unavailable)
        )
        raise StepFailed(f"no candidate could be made and measured: {reasons[:1000]}")
    candidates = marked([*map(_with_latency, made.values()), *unmade])
    winner = fastest(candidates)
    notes = list(notes_on(candidates, winner))
    if not request.has_budget:
        notes.append("no budget was given (--max-drop, --min-agreement): any accuracy counts")
    notes += [note.message for note in run.measurement.validity]
    return Selection(
        model_name=run.artifact.name,
        profile=run.artifact.profile,
        board=run.entry.name,
        machine=run.measurement.machine,
        mode=run.measurement.mode,
        candidates=candidates,
        winner=winner.name if winner else "",
        notes=tuple(dict.fromkeys(notes)),
    )


def _with_latency(item: _Made) -> Candidate:
    """The candidate with its median over all rounds."""
    from edgekit.core.estimate import summarize

    rounds = [m.samples_ns["total"] for m in item.measurements]
    pooled = [value for samples in rounds for value in samples]
    return replace(
        item.candidate,
        p50_ms=summarize(pooled).percentiles_ms["p50"],
        rounds_ms=tuple(sorted(samples)[len(samples) // 2] / 1e6 for samples in rounds),
        measurements=tuple(m.id for m in item.measurements),
    )
