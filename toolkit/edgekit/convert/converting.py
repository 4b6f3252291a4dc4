"""The conversion from beginning to end: detect, describe, route, quantize, verify, write."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgekit import __version__
from edgekit.convert.budget import describe_rung, gate, judge, metric_file, require_data
from edgekit.convert.candidate import LOW_AGREEMENT, Candidate, answers_kept
from edgekit.convert.choices import Choice, choices_of, engines_to_try
from edgekit.convert.detect import content_sha256, detect
from edgekit.convert.recipes import AUTO, FLOAT, ladder
from edgekit.convert.replay import replay_of
from edgekit.convert.request import ConvertRequest
from edgekit.convert.routes import ON_REQUEST
from edgekit.convert.runtimes import runtime_versions
from edgekit.convert.stages import Stages, planned_stages
from edgekit.convert.work import Work, step_line
from edgekit.core.artifact import Agreement, Format, ModelArtifact, Rung, SourceModel
from edgekit.core.errors import (
    ConfigError,
    EdgekitError,
    StepFailed,
    UnsupportedModel,
)
from edgekit.core.record import load, save
from edgekit.profiles.device import load_profile
from edgekit.toolenvs.environment import cache_folder, is_ready, locked
from edgekit.toolenvs.pins import ENVIRONMENTS

Progress = Callable[[str], None]
CARD = "card.json"
STAGE_TIMES = "stage-times.json"
OTHER_FOLDER = "--out another-folder"


def plan_conversion(request: ConvertRequest) -> tuple[SourceModel, tuple[Choice, ...]]:
    """The source, and what will be tried in order; nothing is run.

    Recipes come in the order of the ladder, each with the profile's engines in their order.
    Without a budget the ladder is a short one.

    Raises:
        ConfigError: profile, recipe or engine is unknown, or data is missing.
        ConvertError: the model cannot be read, or nothing can be made of it.
    """
    profile = load_profile(request.profile)
    engines = engines_to_try(request, profile)
    recipes, notes = ladder(
        request.recipe,
        profile,
        has_calibration=request.calibration is not None,
        has_budget=request.has_budget,
    )
    require_data(request)
    source = detect(request.model, trust=request.trust)
    if not request.engine:
        asked = [c.name for c in profile.engines if c.name in ON_REQUEST]
        reason = "what it computes cannot be checked on this machine"
        notes = (*(f"{n} was left out: {reason} (--engine {n})" for n in asked), *notes)
    return source, choices_of(recipes, engines, notes, source.format, request)


def convert(
    request: ConvertRequest,
    out: Path,
    *,
    fresh: bool = False,
    progress: Progress = lambda message: None,
) -> ModelArtifact:
    """Converts a model into an artifact folder.

    The folder appears whole or not at all; an artifact that was made before from the same model,
    data and settings is taken from the cache. The first recipe of the ladder that keeps the budget
    is taken, without one the first that leaves the model its answers; the card tells what was tried.

    Args:
        request: what is to become of which model.
        out: the folder of the artifact.
        fresh: makes everything anew, whatever the cache holds.
        progress: receives a line per stage.

    Raises:
        ConfigError: a setting, or the data, is wrong.
        ConvertError: the model could not be converted.
        GateFailed: no recipe keeps the budget; nothing is written.
    """
    source, choices = plan_conversion(request)
    require_free(out)
    if request.name:
        source = replace(source, name=request.name)
    first = choices[0]
    planned = planned_stages(
        [step_line(step) for step in first.steps],
        data=request.data is not None,
        proof=request.proof
        and bool(runtime_versions(load_profile(request.profile), first.engine)),
    )
    stages = Stages(progress, planned, cache_folder() / STAGE_TIMES)
    with scratch() as folder:
        attempt = Attempt(request, source, folder, stages, fresh=fresh)
        card, made = attempt.climb(choices)
        stages.finish()
        card = replace(card, replay=replay_of(request))
        publish(made, out)
    save(card, out / CARD)
    return card


class Attempt:
    """The choices of one conversion, tried in order; what they share is made once."""

    def __init__(
        self,
        request: ConvertRequest,
        source: SourceModel,
        folder: Path,
        progress: Progress,
        *,
        fresh: bool = False,
    ) -> None:
        self.request = request
        self.source = source
        self.folder = folder
        self.progress = progress
        self.fresh = fresh
        self.rungs: list[Rung] = []
        self.failures: list[str] = []
        self.engine = ""
        """The first engine that worked; the ladder stays on it."""
        self._work: Work | None = None

    def climb(self, choices: tuple[Choice, ...]) -> tuple[ModelArtifact, Path]:
        """The card of the first choice that works and keeps the budget, and its folder.

        Raises:
            GateFailed: none keeps the budget.
            ConvertError: none could be made.
        """
        last: EdgekitError | None = None
        for choice in choices:
            if self.engine and choice.engine != self.engine:
                continue
            try:
                card, folder = self.make(choice)
            except (StepFailed, UnsupportedModel) as err:
                if (
                    self._work is None
                ):  # the original cannot be read: nothing else would change that
                    raise
                last = err
                self._pass_over(choice, err)
                continue
            if self._is_poor(card):
                continue
            self.engine = choice.engine
            if self.request.has_budget:
                self.rungs.append(judge(card, self.request))
                self.progress(describe_rung(self.rungs[-1]))
                if self.rungs[-1].missed:
                    continue
            warnings = (*self.failures, *card.warnings)
            return replace(card, rungs=tuple(self.rungs), warnings=warnings), folder
        if not self.engine and last is not None:
            raise last
        raise gate(self.rungs)

    def _is_poor(self, card: ModelArtifact) -> bool:
        """True for what ``auto`` does not give out when no budget says how good is good enough."""
        found = card.agreement
        if self.request.has_budget or self.request.recipe != AUTO or card.recipe == FLOAT:
            return False
        kept = answers_kept(found) if isinstance(found, Agreement) else None
        if kept is None or kept >= LOW_AGREEMENT:
            return False
        self.failures.append(
            f"{card.engine} {card.recipe} was passed over: it has the original's answer on "
            f"{kept:.0%} of the samples only"
        )
        self.progress(self.failures[-1])
        return True

    def _pass_over(self, choice: Choice, err: EdgekitError) -> None:
        text = f"{choice.engine} {choice.recipe} was passed over: {err.message}"
        told = any(f.startswith(choice.engine) and f.endswith(err.message) for f in self.failures)
        if not told:
            self.failures.append(text)
            self.progress(text)
        if self.request.has_budget:
            self.rungs.append(
                Rung(choice.engine, choice.recipe, None, None, None, f"not made: {err.message}")
            )

    def make(self, choice: Choice) -> tuple[ModelArtifact, Path]:
        """The artifact of one choice and its folder, from the cache or new, however good it is.

        Raises:
            ConvertError: it could not be made, or lost its function.
        """
        cached = cache_folder() / "artifacts" / _cache_key(self.request, self.source, choice)
        with locked(cached):  # what is asked for twice at once is made once
            if (cached / CARD).exists() and not self.fresh:
                self.progress(
                    f"{self.source.name}: taken from the cache (same model, data, settings)"
                )
            else:
                self._make(choice, cached)
        return load(ModelArtifact, cached / CARD), cached

    def _make(self, choice: Choice, cached: Path) -> None:
        started = time.perf_counter()
        if self._work is None:
            work = Work(self.request, self.source, self.folder, self.progress)
            work.describe()
            work.check_original()
            self._work = work
        candidate = Candidate(self._work, choice, self.folder / f"{choice.engine}-{choice.recipe}")
        card = candidate.make()
        card = replace(
            card,
            warnings=(*choice.notes, *card.warnings),
            elapsed_s=round(time.perf_counter() - started, 3),
            created_utc=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )
        save(card, candidate.artifact / CARD)
        publish(candidate.artifact, cached)


def missing_environments(choice: Choice, source: Format) -> tuple[str, ...]:
    """Tool environments that a conversion would make first."""
    from edgekit.convert.work import SOURCE_ENVIRONMENTS

    wanted = [SOURCE_ENVIRONMENTS[source], *(s.environment for s in choice.steps), "onnx"]
    return tuple(name for name in dict.fromkeys(wanted) if not is_ready(name))


def require_free(out: Path, mark: str = CARD) -> None:
    """Refuses an output folder that cannot be written, or holds something else than we make.

    Args:
        out: the folder.
        mark: the file by which a folder of ours is known.

    Raises:
        ConfigError: as said.
    """
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    try:
        os.rmdir(tempfile.mkdtemp(dir=folder, prefix=f".{out.name}."))
    except OSError as err:
        raise ConfigError(f"{out} cannot be written: {err.strerror}", hint=OTHER_FOLDER) from err
    if not out.exists() or (out.is_dir() and ((out / mark).exists() or not any(out.iterdir()))):
        return
    raise ConfigError(f"{out} exists and has no {mark}; it is left alone", hint=OTHER_FOLDER)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for what a conversion makes on its way; gone afterwards."""
    base = cache_folder() / "work"
    base.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(made: Path, out: Path) -> None:
    """Copies a whole folder beside its place, then renames it there."""
    target = out.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    except OSError as err:
        raise ConfigError(f"{out} cannot be written: {err.strerror}", hint=OTHER_FOLDER) from err
    try:
        shutil.copytree(made, temporary, dirs_exist_ok=True)
        os.chmod(temporary, 0o755)  # noqa: S103  what mkdir would have given
        if target.exists():
            shutil.rmtree(target)
        os.replace(temporary, target)
    except OSError as err:
        reason = err.strerror or "no space left on device, or a file cannot be copied"
        raise ConfigError(
            f"{out} cannot be written: {reason}", hint="--out a folder with enough space"
        ) from err
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _cache_key(request: ConvertRequest, source: SourceModel, choice: Choice) -> str:
    pins = sorted({ENVIRONMENTS[step.environment].fingerprint for step in choice.steps})
    parts: list[Any] = [  # Any: JSON
        __version__,
        _code_version(),
        source.name,
        source.sha256,
        load_profile(request.profile).id,
        choice.engine,
        choice.recipe,
        [step.module for step in choice.steps],
        pins,
        sorted((name, list(shape)) for name, shape in request.shapes.items()),
        repr(request.pipeline),
        request.licence,
        request.label,
        request.proof,
        [list(request.keep_float), request.debug_layers],
        [request.metric, request.expect_accuracy],
        _content(metric_file(request.metric)),
        *[_content(path) for path in (request.calibration, request.data, request.weights)],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _code_version() -> str:
    """Changes with the conversion's own code, so that a new version makes artifacts anew."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _content(path: Path | None) -> str:
    return content_sha256(path) if path is not None else ""
