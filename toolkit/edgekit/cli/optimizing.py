"""The ladder of remedies behind ``edgekit optimize``: cheap ones first, each measured on the board."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit.cli.compressing import TrainOptions, subject_of
from edgekit.cli.output import Output
from edgekit.cli.searching import Stage, board_measure, describe_search, nearest
from edgekit.core.compression import Standing
from edgekit.core.errors import BoardError, EdgekitError, GateFailed
from edgekit.core.record import Unavailable, dump, save
from edgekit.core.search import SearchRecord, Trial, TrialState, marked

if TYPE_CHECKING:
    from edgekit.compress.targets import Target

RECORD = "optimization.json"
ARTIFACT = "artifact"
FLOAT = "float"
ALL_THREADS = 0
PRUNE_SHARES = (0.5, 0.25)
"""Of the multiply-accumulates that pruning leaves, one try after the other."""
WIDTH = 0.5
"""Of the channels that a student has."""


@dataclass(frozen=True)
class OptimizeRequest:
    """A model, a board, and what is wanted."""

    model: Path
    options: TrainOptions
    board: str
    profile: str
    target: Target
    max_drop_points: float
    calibration: Path | None = None
    inventory: Path | None = None
    rungs: tuple[str, ...] = ()
    """Names of those to take; empty takes all."""


@dataclass
class _Ladder:
    """What was tried so far."""

    request: OptimizeRequest
    output: Output
    scratch: Path
    record: SearchRecord
    models: dict[int, Path] = field(default_factory=dict)
    """Trial to the model that was converted for it."""
    original: float | None = None
    """Accuracy of the model that came in."""

    def try_one(self, rung: str, model: Path, engine: str, recipe: str, threads: int) -> Trial:
        """Converts, runs and notes one candidate."""
        request = self.request
        number = len(self.record.trials)
        parameters: dict[str, object] = {
            "rung": rung,
            "engine": engine,
            "recipe": recipe,
            "threads": threads,
        }
        validation = request.options.validation or request.options.data
        calibration = request.calibration or request.options.data
        stage = Stage(
            request.board,
            request.profile,
            engine,
            recipe,
            calibration if recipe != FLOAT else None,
            validation,
            request.inventory,
            request.options if model == request.model else None,
        )
        self.models[number] = model
        try:
            found = board_measure(stage, self.output)(model, parameters)
        except BoardError:
            raise
        except EdgekitError as err:
            return self._note(Trial(number, TrialState.FAILED, parameters, err.message))
        if self.original is None and isinstance(found.accuracy, float):
            self.original = found.accuracy_before
        standing = Standing(
            0, 0, found.size_bytes, found.accuracy, Unavailable("not asked"), found.timing
        )
        value = request.target.value(standing)
        missed = request.target.missed(standing, standing)
        drop = self._drop(found.accuracy)
        if drop > request.max_drop_points:
            missed = f"{missed}; " if missed else ""
            missed += f"{drop:.2f} points lost"
        limit = request.target.limit
        over = 1.0 if isinstance(value, Unavailable) else max(0.0, value / limit - 1)
        return self._note(
            Trial(
                number,
                TrialState.MEASURED,
                parameters,
                accuracy=found.accuracy,
                size_bytes=found.size_bytes,
                timing=found.timing,
                energy_mj=found.energy_mj,
                violation=over + max(0.0, drop - request.max_drop_points),
                missed=missed,
            )
        )

    def _drop(self, accuracy: float | Unavailable) -> float:
        if self.original is None or isinstance(accuracy, Unavailable):
            return 0.0
        return (self.original - accuracy) * 100

    def _note(self, trial: Trial) -> Trial:
        from edgekit.compress.searching import describe_trial

        trials = (*self.record.trials, trial)
        # the front of everything measured, whether or not it meets the target
        front = marked(tuple(replace(t, violation=0.0) for t in trials))
        shown = tuple(
            replace(t, violation=before.violation) for t, before in zip(front, trials, strict=True)
        )
        is_met = trial.state is TrialState.MEASURED and not trial.missed
        self.record = replace(
            self.record, trials=shown, best=trial.number if is_met else self.record.best
        )
        self.output.note(f"{trial.parameters['rung']}: {describe_trial(trial)}")
        return trial


def optimize(request: OptimizeRequest, out: Path, output: Output) -> SearchRecord:
    """Climbs until a candidate meets the target within the drop; ``out`` holds its artifact.

    Raises:
        GateFailed: none does; ``out`` holds the nearest.
        BoardError: the board went away before anything was measured.
    """
    from edgekit.convert.converting import require_free

    require_free(out, RECORD)
    record = SearchRecord("", request.target.text, request.board, "ladder", 0, (), None)
    with tempfile.TemporaryDirectory(prefix="edgekit-optimize-") as scratch:
        ladder = _Ladder(request, output, Path(scratch), record)
        ended = ""
        try:
            for name, rung in RUNGS.items():
                if request.rungs and name not in request.rungs:
                    continue
                output.note(f"rung {name}")
                for _ in rung(ladder):
                    if ladder.record.best is not None:
                        break
                if ladder.record.best is not None:
                    break
        except BoardError as err:
            if not ladder.record.trials:
                raise
            ended = f"the board failed: {err.message}"
        ladder.record = replace(ladder.record, ended=ended)
        _keep(ladder, out)
    return _end(ladder.record, out, output)


def _engines(ladder: _Ladder) -> Iterator[Trial]:
    """Every engine of the profile in float, with one thread and with all."""
    from edgekit.convert.routes import ENGINE_FORMAT
    from edgekit.profiles.device import load_profile

    for choice in load_profile(ladder.request.profile).engines:
        if choice.name in ENGINE_FORMAT:
            for threads in (1, ALL_THREADS):
                yield ladder.try_one("engines", ladder.request.model, choice.name, FLOAT, threads)


def _recipes(ladder: _Ladder) -> Iterator[Trial]:
    """The profile's recipes on the engines, fastest first, with the threads that were best."""
    yield from _quantized(ladder, "recipes", ladder.request.model)


def _quantized(ladder: _Ladder, rung: str, model: Path) -> Iterator[Trial]:
    from edgekit.convert.recipes import DYNAMIC, WEIGHTS
    from edgekit.profiles.device import load_profile

    recipes = load_profile(ladder.request.profile).recipes
    for engine, threads in _fastest(ladder):
        for recipe in recipes:
            if recipe not in (FLOAT, DYNAMIC, WEIGHTS):
                yield ladder.try_one(rung, model, engine, recipe, threads)


def _fastest(ladder: _Ladder) -> list[tuple[str, int]]:
    """Engines with the better number of threads, fastest first."""
    from edgekit.profiles.device import load_profile

    best: dict[str, tuple[float, int]] = {}
    for trial in ladder.record.trials:
        if isinstance(trial.timing, Unavailable) or trial.parameters["rung"] != "engines":
            continue
        engine, threads = str(trial.parameters["engine"]), int(str(trial.parameters["threads"]))
        best[engine] = min(best.get(engine, (float("inf"), 0)), (trial.timing.p50_ms, threads))
    ordered = sorted(best, key=lambda engine: best[engine][0])
    if not ordered:
        return [(load_profile(ladder.request.profile).engines[0].name, 1)]
    return [(engine, best[engine][1]) for engine in ordered]


def _prune(ladder: _Ladder) -> Iterator[Trial]:
    """Half, then a quarter of the multiply-accumulates; float and quantized."""
    from edgekit.compress.pruning import prune
    from edgekit.compress.request import PruneRequest
    from edgekit.compress.targets import parse_target
    from edgekit.profiles.device import load_profile

    request = ladder.request
    for share in PRUNE_SHARES:
        card, found = prune(
            PruneRequest(
                subject_of(request.model, request.options),
                parse_target(f"macs<={share}x"),
                request.max_drop_points,
                multiple=load_profile(request.profile).channel_multiple,
            ),
            ladder.output.note,
        )
        model = _moved(found, ladder.scratch / f"pruned-{share}.pt2")
        yield from _both(ladder, "prune", model)
        if card.missed:
            return  # more cannot be taken within the drop


def _distill(ladder: _Ladder) -> Iterator[Trial]:
    """A student of half the width."""
    from edgekit.compress.distilling import DistillRequest, distill

    request = ladder.request
    _, found = distill(
        DistillRequest(subject_of(request.model, request.options), f"width:{WIDTH}"),
        ladder.output.note,
    )
    model = _moved(found, ladder.scratch / "taught.pt2")
    yield from _both(ladder, "distill", model)


def _both(ladder: _Ladder, rung: str, model: Path) -> Iterator[Trial]:
    engine, threads = _fastest(ladder)[0]
    yield ladder.try_one(rung, model, engine, FLOAT, threads)
    yield from _quantized(ladder, rung, model)


RUNGS: dict[str, Callable[[_Ladder], Iterator[Trial]]] = {
    "engines": _engines,
    "recipes": _recipes,
    "prune": _prune,
    "distill": _distill,
}
"""From cheap to expensive."""


def _moved(found: Path, target: Path) -> Path:
    """The model out of the cache folder, which is not needed any more."""
    shutil.copyfile(found, target)
    shutil.rmtree(found.parent, ignore_errors=True)
    return target


def _keep(ladder: _Ladder, out: Path) -> None:
    """The artifact of the best candidate, or of the nearest, with the record."""
    from edgekit.cli.searching import artifact_request
    from edgekit.convert.converting import convert

    best = ladder.record.best
    near = nearest(ladder.record)
    number = best if best is not None else near.number if near else None
    out.mkdir(parents=True, exist_ok=True)
    if number is not None:
        trial = ladder.record.trials[number]
        model = ladder.models[number]
        request = ladder.request
        stage = Stage(
            request.board,
            request.profile,
            str(trial.parameters["engine"]),
            str(trial.parameters["recipe"]),
            (request.calibration or request.options.data)
            if trial.parameters["recipe"] != FLOAT
            else None,
            request.options.validation or request.options.data,
            request.inventory,
            request.options if model == request.model else None,
        )
        wanted = artifact_request(stage, model, dict(trial.parameters))
        convert(replace(wanted, proof=True), out / ARTIFACT, progress=ladder.output.detail)
        if model != request.model:
            shutil.copyfile(model, out / "model.pt2")
    save(ladder.record, out / RECORD)


def _end(record: SearchRecord, out: Path, output: Output) -> SearchRecord:
    if record.best is not None:
        output.data(record, f"{describe_search(record)}\n{out}/{ARTIFACT}/")
        output.next_step(f"edgekit deploy {out}/{ARTIFACT} --board {record.where}")
        return record
    if not output.as_json:
        output.data(record, describe_search(record))
    near = nearest(record)
    so_far = f"; the nearest is in {out}/{ARTIFACT}: {near.missed}" if near else ""
    raise GateFailed(
        f"{record.ended or f'nothing tried meets {record.target}'}{so_far}",
        hint="edgekit compress search SPACE.py, a wider --max-drop or --target, or a faster board",
        details={"optimization": dump(record)},
    )
