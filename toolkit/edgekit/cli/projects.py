"""What to convert: from flags, then from edgekit.toml, then from defaults."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgekit.core.errors import ConfigError, UsageFault

if TYPE_CHECKING:
    from edgekit.convert.request import ConvertRequest
    from edgekit.profiles.project import Project

Result = TypeVar("Result")
PYTHON_SUFFIX = ".py"
DIMENSION = re.compile(r"[1-9]\d{0,9}(x[1-9]\d{0,9})*")


@dataclass(frozen=True)
class ConvertOptions:
    """The flags that decide a conversion; empty ones were not given."""

    models: tuple[Path, ...] = ()
    profile: str = ""
    recipe: str = ""
    engine: str = ""
    route: tuple[str, ...] = field(default_factory=tuple)
    calibration: Path | None = None
    data: Path | None = None
    shapes: tuple[str, ...] = field(default_factory=tuple)
    pipeline: str = ""
    label: str = ""
    weights: Path | None = None
    trust: bool = False
    name: str = ""
    licence: str = ""
    no_proof: bool = False
    metric: str = "top-1"
    expect_accuracy: float | None = None
    max_drop: float | None = None
    min_agreement: float | None = None
    keep_float: tuple[str, ...] = field(default_factory=tuple)
    debug_layers: bool = False

    @property
    def model(self) -> Path | None:
        """The only model; None when none was given.

        Raises:
            UsageFault: there are several.
        """
        if len(self.models) > 1:
            raise UsageFault(
                f"{len(self.models)} models were given, one is taken here",
                hint="several at once: edgekit convert A B C --profile x,y --jobs 2",
            )
        return self.models[0] if self.models else None

    @property
    def is_many(self) -> bool:
        """True for several models or profiles."""
        return len(self.models) > 1 or "," in self.profile


def convert_options(function: Callable[..., Result]) -> Callable[..., Result]:
    """Adds MODEL and the flags of a conversion; passes ``options: ConvertOptions``."""
    path = click.Path(path_type=Path)

    @click.argument("models", metavar="[MODEL]", type=path, nargs=-1)
    @click.option("--profile", default="", help="Device profile: edgekit profiles list.")
    @click.option(
        "--recipe",
        default="",
        help="auto, int8-static, int8-dynamic, int8-weights, int16x8, int4-block, fp16, float.",
    )
    @click.option(
        "--engine", default="", help="litert, onnxruntime, openvino, tflite_runtime, tensorrt."
    )
    @click.option("--route", multiple=True, help="Step that the way has to have; see --dry-run.")
    @click.option("--calibration", type=path, help="About 100 samples: .npz, .csv, folder, .py.")
    @click.option("--data", type=path, help="Labelled samples for the accuracy, same forms.")
    @click.option("--shape", "shapes", multiple=True, help="Input shape: name=1x3x224x224.")
    @click.option(
        "--pipeline",
        default="",
        help="Pictures or sound to inputs: imagenet, audio:rate=16000; or your pipeline.py.",
    )
    @click.option("--label", default="", help="Column or array of the label; default: label, y.")
    @click.option("--weights", type=path, help="State dict for a PyTorch builder file.")
    @click.option("--trust", is_flag=True, help="Run code that the model file brings along.")
    @click.option("--metric", default="top-1", help="top-1, top-5, f1 or FILE.py:FUNCTION.")
    @click.option("--expect-accuracy", type=float, help="What MODEL reaches on --data, 0..1.")
    @click.option("--max-drop", type=float, help="Budget: accuracy may drop by these points.")
    @click.option("--min-agreement", type=float, help="Budget: share with the original's answer.")
    @click.option("--licence", default="", help="Licence of the model for the card, SPDX.")
    @click.option("--no-proof", is_flag=True, help="Skip the run in the boards' own runtime.")
    @click.option("--keep-float", multiple=True, help="Layer that static int8 leaves in float32.")
    @click.option("--debug-layers", is_flag=True, help="Name the layers that hurt, worst first.")
    @click.option("--name", default="", help="Name of the artifact; default: the file's stem.")
    @functools.wraps(function)
    # Any: click passes the command's own parameters through
    def wrapper(*args: Any, **kwargs: Any) -> Result:
        taken = {name: kwargs.pop(name) for name in ConvertOptions.__dataclass_fields__}
        return function(*args, options=ConvertOptions(**taken), **kwargs)

    return wrapper


def convert_request(options: ConvertOptions, folder: Path) -> tuple[ConvertRequest, Path | None]:
    """The conversion that is asked for, and the output folder that the project names.

    Raises:
        UsageFault: neither a flag nor edgekit.toml names the model or the profile.
        ConfigError: edgekit.toml, a shape or the pipeline is wrong.
    """
    from edgekit.convert.pipelines import parse_pipeline
    from edgekit.convert.request import ConvertRequest

    model = options.model
    project = read_project(folder) if model is None else None
    if model is None and project is None:
        raise UsageFault(
            "no model was given, and there is no edgekit.toml here that names one",
            hint="edgekit convert MODEL --profile raspberrypi; or write edgekit.toml with "
            '[model] path = "model.onnx"',
        )
    convert = None
    shapes = parse_shapes(options.shapes)
    weights, trust = options.weights, options.trust
    if project is not None:
        model = folder / project.model.path
        if not model.exists():
            raise ConfigError(
                f"edgekit.toml: model.path: no such model: {project.model.path}",
                hint="correct the path, or give the model: edgekit convert MODEL",
            )
        convert = project.convert
        shapes = parse_shapes([f"{k}={v}" for k, v in project.model.shape.items()]) | shapes
        weights = weights or _path(folder, project.model.weights)
        trust = trust or project.model.trust
    profile = options.profile or (convert.profile if convert else "")
    if not profile:
        raise UsageFault(
            "no device profile was given",
            hint="--profile raspberrypi  (all of them: edgekit profiles list)",
        )
    assert model is not None
    named = _pipeline_text(options, project)
    request = ConvertRequest(
        model=model,
        profile=profile,
        recipe=options.recipe or (convert.recipe if convert else "") or "auto",
        engine=options.engine or (convert.engine if convert else ""),
        route=tuple(name for text in options.route for name in text.split(",") if name),
        calibration=options.calibration
        or (_path(folder, convert.calibration) if convert else None),
        data=options.data or (_path(folder, convert.data) if convert else None),
        shapes=shapes,
        label=options.label,
        weights=weights,
        pipeline=parse_pipeline("" if named.endswith(PYTHON_SUFFIX) else named),
        trust=trust,
        name=options.name,
        licence=options.licence,
        proof=not options.no_proof,
        metric=options.metric,
        expect_accuracy=options.expect_accuracy,
        max_drop_points=options.max_drop,
        min_agreement=options.min_agreement,
        keep_float=options.keep_float,
        debug_layers=options.debug_layers,
    )
    return request, _path(folder, convert.out) if convert else None


def own_pipeline(options: ConvertOptions, folder: Path) -> Path | None:
    """The user's pipeline.py, where ``--pipeline`` or edgekit.toml names a file.

    Raises:
        ConfigError: it is not one.
    """
    from edgekit.cli.variants import read_pipeline

    text = _pipeline_text(options, read_project(folder) if options.model is None else None)
    if not text.endswith(PYTHON_SUFFIX):
        return None
    path = folder / text
    read_pipeline(path)
    return path


def _pipeline_text(options: ConvertOptions, project: Project | None) -> str:
    convert = project.convert if project else None
    return options.pipeline or (convert.pipeline if convert else "")


def convert_requests(options: ConvertOptions, folder: Path) -> tuple[ConvertRequest, ...]:
    """Every model for every profile, in the order of the command line.

    Raises:
        UsageFault: no model or profile is given.
        ConfigError: a shape or the pipeline is wrong.
    """
    profiles = [name for name in options.profile.split(",") if name] or [""]
    models: list[tuple[Path, ...]] = [(path,) for path in options.models] or [()]
    return tuple(
        convert_request(replace(options, models=model, profile=profile), folder)[0]
        for model in models
        for profile in profiles
    )


def read_project(folder: Path) -> Project | None:
    """The folder's edgekit.toml, or None."""
    from edgekit.profiles.project import load_project

    return load_project(folder)


def parse_shapes(texts: tuple[str, ...] | list[str]) -> dict[str, tuple[int, ...]]:
    """``name=1x3x224x224`` to shapes by name.

    Raises:
        ConfigError: one of them is not of that form.
    """
    shapes = {}
    for text in texts:
        name, equals, size = text.rpartition("=")
        if not equals or not name or not DIMENSION.fullmatch(size):
            raise ConfigError(
                f"--shape {text!r} is not of the form name=1x3x224x224",
                hint="edgekit convert MODEL --shape INPUT=1x3x224x224, every size 1 or more",
            )
        shapes[name] = tuple(int(part) for part in size.split("x"))
    return shapes


def _path(folder: Path, text: str) -> Path | None:
    return folder / text if text else None
