"""Search over a person's space: trained briefly, converted, measured on the board, told to the study."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgekit.compress.materials import ENVIRONMENT, TRAINING_LIMITS, WORKERS, standing_of
from edgekit.compress.request import Progress, Training
from edgekit.compress.targets import Target
from edgekit.core.compression import Standing, Timing
from edgekit.core.errors import BoardError, ConfigError, EdgekitError, HostileModel, UsageFault
from edgekit.core.record import Unavailable, load, save
from edgekit.core.search import NO_SENSOR, SearchRecord, Trial, TrialState, marked, point
from edgekit.core.suggest import did_you_mean
from edgekit.core.units import format_bytes, format_ms
from edgekit.toolenvs import worker

SAMPLERS = ("tpe", "random")
RECORD = "search.json"
ETA = 3
FAILURES_IN_A_ROW = 8
"""So many failed trials one after the other are no bad luck: the space is wrong."""


@dataclass(frozen=True)
class Measured:
    """What a board says about a trained candidate."""

    timing: Timing
    size_bytes: int
    accuracy: float | Unavailable
    energy_mj: float | Unavailable = NO_SENSOR
    accuracy_before: float | None = None
    """Of the model before its conversion, on the same samples."""


Measure = Callable[[Path, dict[str, object]], Measured]
"""Converts a model with the trial's recipe, engine and threads, and runs it where it is to run."""


@dataclass(frozen=True)
class SearchRequest:
    """A space, its data, and what is wanted."""

    space: Path
    data: Path
    shapes: dict[str, tuple[int, ...]]
    target: Target
    trials: int
    validation: Path | None = None
    label: str = ""
    sampler: str = "tpe"
    trust: bool = False
    training: Training = field(default_factory=Training)


def require_request(request: SearchRequest) -> None:
    """Refuses what cannot work before anything takes time.

    Raises:
        UsageFault: no shape, a relative target, or an unknown sampler.
        ConfigError: the space is missing or has no ``build``.
        HostileModel: the space is code, and nobody said that it is trusted.
    """
    if request.sampler not in SAMPLERS:
        raise UsageFault(
            f"no sampler is called {request.sampler!r}",
            hint=did_you_mean(request.sampler, SAMPLERS),
        )
    if not request.shapes:
        raise UsageFault("a space does not say its input", hint="--shape x=1x3x32x32")
    if request.target.is_relative:
        raise UsageFault(
            f"{request.target.text!r} is a share, and a search has no original",
            hint="--target 'p95<=20ms'",
        )
    if not request.space.exists():
        raise ConfigError(
            f"{request.space}: no such space", hint="a Python file with build(trial)"
        )
    if "def build(" not in request.space.read_text(encoding="utf-8", errors="replace"):
        raise ConfigError(
            f"{request.space} has no function build(trial) that returns a torch module",
            hint="def build(trial): return Net(trial.suggest_int('width', 16, 64, step=8))",
        )
    if not request.trust:
        raise HostileModel(
            f"{request.space} is Python code, which would be run",
            hint="when you trust it: --trust",
        )


def search(
    request: SearchRequest, folder: Path, measure: Measure, where: str, progress: Progress
) -> SearchRecord:
    """Trials until there are as many as asked; goes on where the folder's last search ended.

    What is found is in the folder after every trial: ``search.json``, the models, the journal.

    Args:
        request: what is searched.
        folder: of this search.
        measure: runs a candidate where it is to run.
        where: the board, for the record.
        progress: hears a line per trial.
    """
    require_request(request)
    run = _Search(request, folder, measure, where, progress)
    run.prepare()
    run.go_on()
    return run.confirm()


class _Search:
    """A search in progress."""

    def __init__(
        self,
        request: SearchRequest,
        folder: Path,
        measure: Measure,
        where: str,
        progress: Progress,
    ) -> None:
        self.request, self.folder, self.measure = request, folder, measure
        self.progress = progress
        self.record = SearchRecord(
            space=hashlib.sha256(request.space.read_bytes()).hexdigest(),
            target=request.target.text,
            where=where,
            sampler=request.sampler,
            seed=request.training.seed,
            trials=(),
            best=None,
        )

    def prepare(self) -> None:
        """Takes up the folder's search, reads the data."""
        self.folder.mkdir(parents=True, exist_ok=True)
        noted = self.folder / RECORD
        if noted.exists():
            before = load(SearchRecord, noted)
            same = ("space", "target", "sampler", "seed", "where")
            if any(getattr(before, name) != getattr(self.record, name) for name in same):
                raise ConfigError(
                    f"{self.folder} holds a search of another space, target, board or seed",
                    hint="--out another-folder",
                )
            self.record = replace(before, ended="")
            self.progress(f"going on after {len(before.trials)} trials")
        specs = [
            {"name": name, "shape": list(shape), "dtype": "float32"}
            for name, shape in self.request.shapes.items()
        ]
        for name, data in (("samples", self.request.data), ("judged", self.request.validation)):
            out = self.folder / name
            if data is None or out.exists():
                continue
            part = self.folder / f"{name}.part"
            found = worker.call(
                ENVIRONMENT,
                "edgekit.convert.workers.samples",
                {
                    "data": str(data.absolute()),
                    "inputs": specs,
                    "pipeline": None,
                    "limit": self.request.training.samples,
                    "label": self.request.label,
                    "classes": 0,
                    "exclude": [],
                    "out": str(part),
                },
                progress=self.progress,
            )
            if not found["labels"]:
                raise ConfigError(
                    f"{data} has no labels", hint="an .npz with x and y, for instance"
                )
            part.replace(out)

    def go_on(self) -> None:
        """Trials until there are enough, the board is gone, or the space keeps failing."""
        while len(self.record.trials) < self.request.trials:
            trial = self._trial()
            self._note(trial)
            last = self.record.trials[-FAILURES_IN_A_ROW:]
            if isinstance(self.gone, BoardError):
                self._end(f"the board failed: {self.gone.message}")
                return
            if len(last) == FAILURES_IN_A_ROW and all(t.state is TrialState.FAILED for t in last):
                self._end(f"{FAILURES_IN_A_ROW} trials failed in a row: {trial.reason}")
                return

    gone: EdgekitError | None = None

    def confirm(self) -> SearchRecord:
        """Measures what is on the front once more: a lucky moment is no speed."""
        if self.gone is not None:
            return self.record
        trials = list(self.record.trials)
        for i, trial in enumerate(trials):
            if trial.is_pareto and trial.again_ms is None:
                try:
                    again = self.measure(self.folder / trial.model, dict(trial.parameters))
                except EdgekitError as err:
                    self.progress(f"trial {trial.number} was not measured again: {err.message}")
                    continue
                trials[i] = replace(trial, again_ms=again.timing.p50_ms)
        self.record = replace(self.record, trials=tuple(trials))
        save(self.record, self.folder / RECORD)
        return self.record

    def _trial(self) -> Trial:
        training = self.request.training
        seed = training.seed * 10_000 + len(self.record.trials)
        study = {
            "journal": str(self.folder / "journal.log"),
            "sampler": self.request.sampler,
            "seed": seed,
        }
        try:
            reply = self._call(
                "trial_ask",
                study
                | {
                    "space": str(self.request.space.absolute()),
                    "shapes": {k: list(v) for k, v in self.request.shapes.items()},
                    "epochs": training.epochs,
                    "eta": ETA,
                    "out": str(self.folder),
                    "learning_rate": training.learning_rate,
                    "samples": str(self.folder / "samples"),
                    "judged": str(self.folder / "judged") if self.request.validation else "",
                    "batch": training.batch,
                    "threads": training.threads,
                },
            )
        except EdgekitError as err:  # it crashed, or took too much memory
            number = self._next_number()
            self._call("trial_tell", study | {"number": number, "values": None, "violation": 0.0})
            return Trial(number, TrialState.FAILED, {}, err.message)
        number, parameters = int(reply["number"]), reply["parameters"]
        if reply["state"] != "trained":
            return Trial(number, TrialState(reply["state"]), parameters, reply["reason"])
        trial = self._measured(number, parameters, reply)
        values = point(trial)
        told = None if values is None else [1 - values[0], values[1], values[2]]
        answer = {"number": number, "values": told, "violation": trial.violation}
        self._call("trial_tell", study | answer)
        return trial

    # Any: JSON
    def _measured(
        self, number: int, parameters: dict[str, object], reply: dict[str, Any]
    ) -> Trial:
        model = Path(str(reply["model"]))
        standing = standing_of(reply)
        try:
            found = self.measure(model, parameters)
        except EdgekitError as err:
            self.gone = err if isinstance(err, BoardError) else None
            return Trial(number, TrialState.FAILED, parameters, err.message, model=model.name)
        accuracy = found.accuracy if isinstance(found.accuracy, float) else standing.accuracy
        weighed = replace(standing, timing=found.timing, weight_bytes=found.size_bytes)
        return Trial(
            number,
            TrialState.MEASURED,
            parameters,
            accuracy=accuracy,
            size_bytes=found.size_bytes,
            timing=found.timing,
            energy_mj=found.energy_mj,
            violation=self._violation(weighed),
            missed=self.request.target.missed(weighed, weighed),
            model=model.name,
        )

    def _violation(self, standing: Standing) -> float:
        value = self.request.target.value(standing)
        if isinstance(value, Unavailable):
            return 1.0
        return max(0.0, value / self.request.target.limit - 1)

    def _next_number(self) -> int:
        known = {trial.number for trial in self.record.trials}
        return next(number for number in itertools.count() if number not in known)

    def _note(self, trial: Trial) -> None:
        trials = marked((*self.record.trials, trial))
        meeting = [t for t in trials if t.state is TrialState.MEASURED and not t.missed]
        best = max(meeting, key=_accuracy, default=None)
        self.record = replace(self.record, trials=trials, best=best.number if best else None)
        save(self.record, self.folder / RECORD)
        self.progress(f"trial {trial.number}: {describe_trial(trial)}")

    def _end(self, why: str) -> None:
        self.record = replace(self.record, ended=why)
        save(self.record, self.folder / RECORD)

    # Any: JSON
    def _call(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        return worker.call(
            ENVIRONMENT,
            f"{WORKERS}.{name}",
            request,
            limits=TRAINING_LIMITS,
            progress=self.progress,
        )


def _accuracy(trial: Trial) -> float:
    return -1.0 if isinstance(trial.accuracy, Unavailable) else trial.accuracy


def describe_trial(trial: Trial) -> str:
    """One line about a trial."""
    shown = ", ".join(f"{name}={value}" for name, value in trial.parameters.items())
    if trial.state is not TrialState.MEASURED:
        return f"{trial.state.value} ({trial.reason}) {shown}".rstrip()
    parts = []
    if not isinstance(trial.accuracy, Unavailable):
        parts.append(f"{trial.accuracy:.2%}")
    if not isinstance(trial.timing, Unavailable):
        parts.append(format_ms(trial.timing.p50_ms))
    if not isinstance(trial.size_bytes, Unavailable):
        parts.append(format_bytes(trial.size_bytes))
    return f"{', '.join(parts)}{' misses ' + trial.missed if trial.missed else ''}: {shown}"
