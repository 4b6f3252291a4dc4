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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgekit import __version__
from edgekit.convert.budget import describe_rung, gate, judge, require_data
from edgekit.convert.detect import content_sha256, detect
from edgekit.convert.recipes import DYNAMIC, FLOAT, WEIGHTS, ladder
from edgekit.convert.replay import replay_of
from edgekit.convert.request import ConvertRequest
from edgekit.convert.routes import ENGINE_FORMAT, Step, find_route, quantizer
from edgekit.convert.work import Work
from edgekit.core.artifact import Format, ModelArtifact, Rung, SourceModel
from edgekit.core.errors import (
    ConfigError,
    RecipeError,
    StepFailed,
    UnsupportedModel,
)
from edgekit.core.profile import DeviceProfile
from edgekit.core.record import load, save
from edgekit.core.suggest import did_you_mean
from edgekit.profiles.device import load_profile
from edgekit.toolenvs.environment import cache_folder, is_ready
from edgekit.toolenvs.pins import ENVIRONMENTS

Progress = Callable[[str], None]
CARD = "card.json"
OTHER_FOLDER = "--out another-folder"


@dataclass(frozen=True)
class Choice:
    """One engine with the way to it."""

    engine: str
    recipe: str
    steps: tuple[Step, ...]
    notes: tuple[str, ...]


def plan_conversion(request: ConvertRequest) -> tuple[SourceModel, tuple[Choice, ...]]:
    """The source, and what will be tried in order; nothing is run.

    Recipes come in the order of the ladder, each with the profile's engines in their order.
    Without a budget only the first recipe is tried.

    Raises:
        ConfigError: profile, recipe or engine is unknown, or data is missing.
        ConvertError: the model cannot be read, or nothing can be made of it.
    """
    profile = load_profile(request.profile)
    engines = _engines(request, profile)
    recipes, notes = ladder(
        request.recipe, profile, has_calibration=request.calibration is not None
    )
    require_data(request)
    source = detect(request.model, trust=request.trust)
    if not request.engine:
        left_out = [c.name for c in profile.engines if c.name not in ENGINE_FORMAT]
        notes = (
            *(f"{name} was left out: no step makes its format yet" for name in left_out),
            *notes,
        )
    choices: list[Choice] = []
    reasons: list[str] = []
    for recipe in recipes if request.has_budget else recipes[:1]:
        for engine in engines:
            try:
                choices.append(_choice(engine, recipe, notes, source.format, request))
            except (UnsupportedModel, RecipeError) as err:
                if request.engine:
                    raise
                reasons.append(f"{engine}: {err.message}")
    if not choices:
        raise UnsupportedModel(
            f"nothing for {profile.id} can be made of it: {'; '.join(reasons)}",
            hint="edgekit profiles show " + profile.id,
        )
    return source, tuple(choices)


def convert(
    request: ConvertRequest,
    out: Path,
    *,
    fresh: bool = False,
    progress: Progress = lambda message: None,
) -> ModelArtifact:
    """Converts a model into an artifact folder.

    The folder appears whole or not at all; an artifact that was made before from the same model,
    data and settings is taken from the cache. With a budget the first recipe of the ladder that
    keeps it is taken, and the card tells what was tried.

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
    _require_free(out)
    if request.name:
        source = replace(source, name=request.name)
    rungs: list[Rung] = []
    failures: list[str] = []
    done: set[str] = set()
    for choice in choices:
        if choice.recipe in done:
            continue  # a better engine made this recipe already
        cached = cache_folder() / "artifacts" / _cache_key(request, source, choice)
        try:
            if fresh or not (cached / CARD).exists():
                _make(request, source, choice, cached, tuple(failures), progress)
            else:
                progress(f"{source.name}: taken from the cache (same model, data and settings)")
        except (StepFailed, UnsupportedModel) as err:
            if (request.engine and not request.has_budget) or (
                choice is choices[-1] and not rungs
            ):
                raise
            failures.append(f"{choice.engine} {choice.recipe} was passed over: {err.message}")
            progress(failures[-1])
            continue
        done.add(choice.recipe)
        card = replace(load(ModelArtifact, cached / CARD), replay=replay_of(request))
        if not request.has_budget:
            _publish(cached, out)
            save(card, out / CARD)
            return card
        rungs.append(judge(card, request))
        progress(describe_rung(rungs[-1]))
        if not rungs[-1].missed:
            _publish(cached, out)
            card = replace(card, rungs=tuple(rungs))
            save(card, out / CARD)
            return card
    raise gate(rungs)


def missing_environments(choice: Choice, source: Format) -> tuple[str, ...]:
    """Tool environments that a conversion would make first."""
    from edgekit.convert.work import SOURCE_ENVIRONMENTS

    wanted = [SOURCE_ENVIRONMENTS[source], *(s.environment for s in choice.steps), "onnx"]
    return tuple(name for name in dict.fromkeys(wanted) if not is_ready(name))


def _engines(request: ConvertRequest, profile: DeviceProfile) -> tuple[str, ...]:
    known = {choice.name for choice in profile.engines}
    if not request.engine:
        return tuple(c.name for c in profile.engines if c.name in ENGINE_FORMAT)
    if request.engine not in ENGINE_FORMAT:
        raise RecipeError(
            f"no engine is called {request.engine!r}",
            hint=did_you_mean(request.engine, ENGINE_FORMAT),
        )
    if request.engine not in known:
        raise RecipeError(
            f"{profile.id} cannot run {request.engine}; it runs {', '.join(sorted(known))}",
            hint=f"edgekit profiles show {profile.id}",
        )
    return (request.engine,)


def _choice(
    engine: str,
    recipe: str,
    notes: tuple[str, ...],
    source: Format,
    request: ConvertRequest,
) -> Choice:
    if engine == "tflite_runtime" and recipe in (DYNAMIC, WEIGHTS):
        if request.recipe == recipe:
            raise RecipeError(
                f"tflite_runtime 2.14 computes {recipe} models wrongly without a word",
                hint="--recipe int8-static with --calibration, or --recipe float",
            )
        notes = (*notes, f"float instead of {recipe}, which tflite_runtime computes wrongly")
        recipe = FLOAT
    target = ENGINE_FORMAT[engine]
    steps = find_route(source, target)
    if recipe != FLOAT:
        steps = (*steps, quantizer(target, recipe))
    return Choice(engine, recipe, steps, notes)


def _require_free(out: Path) -> None:
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    try:
        os.rmdir(tempfile.mkdtemp(dir=folder, prefix=f".{out.name}."))
    except OSError as err:
        raise ConfigError(f"{out} cannot be written: {err.strerror}", hint=OTHER_FOLDER) from err
    if not out.exists() or (out.is_dir() and ((out / CARD).exists() or not any(out.iterdir()))):
        return
    raise ConfigError(f"{out} exists and is not an artifact; it is left alone", hint=OTHER_FOLDER)


def _make(
    request: ConvertRequest,
    source: SourceModel,
    choice: Choice,
    cached: Path,
    failures: tuple[str, ...],
    progress: Progress,
) -> None:
    started = time.perf_counter()
    with _scratch() as folder:
        work = Work(request, source, choice.engine, choice.recipe, folder, progress)
        work.describe()
        float_model = work.route(choice.steps)
        model = work.quantize(choice.steps, float_model)
        card = work.finish(float_model, model)
        warnings = (*choice.notes, *failures, *card.warnings)
        card = replace(
            card,
            warnings=warnings,
            elapsed_s=round(time.perf_counter() - started, 3),
            created_utc=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )
        save(card, work.artifact / CARD)
        _publish(work.artifact, cached)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    base = cache_folder() / "work"
    base.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _publish(made: Path, out: Path) -> None:
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
