"""Writes docs/conversion-matrix.md: every route, recipe and engine over real models, as run just now.

``conversion_matrix.py [--jobs N] [--only NAME[,NAME]] [--recipes NAME[,NAME]]``; with either of them the page
is left alone and the table is printed. A cell is what the conversion itself said; nothing is written by hand.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy

from benchmark_page import table
from edgekit.convert.converting import Attempt, plan_conversion, scratch
from edgekit.convert.detect import detect
from edgekit.convert.pipelines import parse_pipeline
from edgekit.convert.recipes import CATALOG, find_recipe
from edgekit.convert.request import ConvertRequest
from edgekit.convert.routes import ENGINE_FORMAT, all_steps
from edgekit.core.artifact import Accuracy, Agreement, ModelArtifact
from edgekit.core.errors import EdgekitError
from edgekit.profiles.device import list_profiles
from edgekit.toolenvs.pins import ENVIRONMENTS
from real_models import NAMES, prepare
from real_models.model import RealModel, folder_of

PAGE = Path(__file__).resolve().parent.parent / "docs" / "conversion-matrix.md"
HEAD = """# Conversion matrix

Written by `make matrix` from conversions that ran; no cell is written by hand. Each model of packages
(`make real-models`) is converted for every engine by every recipe, with its calibration samples, and judged on up to {limit} other
samples.

A cell says: size against the float model of the same format, then accuracy on labelled samples where there are labels, else the share
of samples with the original's answer (for outputs that are no scores, the lowest cosine similarity), then the largest deviation of an
output. *Refused* is an error of exit code 3 to 7 with nothing written, and its reason.
"""
EVALUATED = 200
"""Samples that judge a cell; the benches judge on all."""
PREFERRED = ("raspberrypi", "raspberrypi-4b-32bit", "intel-n100", "jetson-orin-nano")
"""The profile of an engine is the first of these that has it, else the first of all."""
LONGEST_REASON = 220
QUANTIZERS = {step.name for step in all_steps() if step.recipe}


@dataclass(frozen=True)
class Cell:
    """One conversion, to be run."""

    model: RealModel
    engine: str
    recipe: str
    profile: str
    evaluation: Path


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    cell: Cell
    text: str
    is_done: bool
    route: str
    elapsed_s: float
    is_fault: bool = False
    """It ended with something that is no error of ours: a bug."""


def profile_for(engine: str) -> str:
    """A device profile that has the engine; empty when none has."""
    having = [p.id for p in list_profiles() if any(c.name == engine for c in p.engines)]
    return next((name for name in (*PREFERRED, *having) if name in having), "")


def some_samples(model: RealModel) -> Path:
    """The first samples of the model's evaluation set, as a file of their own."""
    path = folder_of("matrix") / f"{model.name}.npz"
    with numpy.load(model.evaluation, allow_pickle=False) as archive:
        # every n-th, so that each recording and each photograph is there
        step = max(1, min(len(archive[name]) for name in archive.files) // EVALUATED)
        named: dict[str, Any] = {  # Any: arrays
            name: archive[name][::step][:EVALUATED] for name in archive.files
        }
    numpy.savez(path, **named)
    return path


def cells_of(models: Iterable[RealModel], recipes: Sequence[str]) -> list[Cell]:
    """Every engine by every recipe for every model."""
    engines = {engine: profile_for(engine) for engine in ENGINE_FORMAT}
    return [
        Cell(model, engine, recipe, profile, evaluation)
        for model in models
        for evaluation in [some_samples(model)]
        for engine, profile in engines.items()
        for recipe in recipes
        if profile
    ]


def run_group(cells: Sequence[Cell]) -> list[Outcome]:
    """Every recipe of a model on an engine: what they share is done once."""
    first = cells[0]
    request = ConvertRequest(
        model=first.model.model,
        profile=first.profile,
        engine=first.engine,
        calibration=first.model.calibration,
        data=first.evaluation,
        pipeline=parse_pipeline(first.model.pipeline),
        trust=first.model.is_trusted,
        name=first.model.name,
    )
    try:
        source = replace(detect(request.model, trust=request.trust), name=first.model.name)
    except EdgekitError as err:
        text = f"*refused*: {shortened(err.message)}"
        return [Outcome(cell, text, is_done=False, route="", elapsed_s=0.0) for cell in cells]
    with scratch() as folder:
        attempt = Attempt(request, source, folder, lambda message: None)
        return [run_cell(cell, request, attempt) for cell in cells]


def run_cell(cell: Cell, request: ConvertRequest, attempt: Attempt) -> Outcome:
    """Converts, and says in a few words what came of it."""
    started = time.perf_counter()
    route, text, is_done, is_fault = "", "", False, False
    try:
        _, choices = plan_conversion(replace(request, recipe=cell.recipe))
        card, _ = attempt.make(choices[0])
        route = " -> ".join(step.step for step in card.steps if step.step not in QUANTIZERS)
        text = describe(card)
        is_done = True
    except EdgekitError as err:
        text = f"*refused*: {shortened(err.message)}"
    except Exception as err:  # noqa: BLE001  a bug is shown as one, and the other cells go on
        text, is_fault = f"**fault**: {type(err).__name__}: {shortened(str(err))}", True
    elapsed_s = time.perf_counter() - started
    done = Outcome(cell, text, is_done, route, elapsed_s, is_fault)
    print(f"{cell.model.name} {cell.engine} {cell.recipe}: {text} ({elapsed_s:.0f} s)", flush=True)
    return done


def describe(card: ModelArtifact) -> str:
    """Size, quality and deviation of an artifact."""
    parts = []
    if isinstance(card.float_size_bytes, int):
        parts.append(f"{card.size_bytes / card.float_size_bytes:.2f} x")
    agreement = card.agreement if isinstance(card.agreement, Agreement) else None
    if isinstance(card.accuracy, Accuracy):
        parts.append(f"{card.accuracy.original:.1%} -> {card.accuracy.artifact:.1%}")
    elif agreement and agreement.top1_agreement is not None:
        parts.append(f"agrees {agreement.top1_agreement:.1%}")
    elif agreement:
        parts.append(f"cosine {agreement.cosine:.4f}")
    if agreement:
        parts.append(f"dev {agreement.max_deviation:.2g}")
    return ", ".join(parts)


def shortened(reason: str) -> str:
    """A reason that fits in a cell."""
    line = " ".join(reason.split()).replace("|", "/")
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 3] + "..."


def page(outcomes: Sequence[Outcome], models: Sequence[RealModel]) -> str:
    """The whole document."""
    done = sum(outcome.is_done for outcome in outcomes)
    faults = sum(outcome.is_fault for outcome in outcomes)
    spent_s = sum(outcome.elapsed_s for outcome in outcomes)
    day = time.strftime("%Y-%m-%d", time.gmtime())
    parts = [
        HEAD.format(limit=EVALUATED),
        f"{day}: {len(outcomes)} conversions of {len(models)} models in {spent_s / 60:.0f} minutes of work: "
        f"{done} work, {len(outcomes) - done - faults} are refused, {faults} ended in a fault.",
        "Tools: " + ", ".join(pinned_tools()) + ".",
    ]
    for model in models:
        own = [outcome for outcome in outcomes if outcome.cell.model == model]
        parts.append(section(model, own))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def section(model: RealModel, outcomes: Sequence[Outcome]) -> str:
    """One model: its routes, and a table of recipes by engines."""
    engines = list(dict.fromkeys(outcome.cell.engine for outcome in outcomes))
    recipes = list(dict.fromkeys(outcome.cell.recipe for outcome in outcomes))
    by_place = {(o.cell.recipe, o.cell.engine): o for o in outcomes}
    routes = {
        engine: next((o.route for o in outcomes if o.cell.engine == engine and o.route), "")
        for engine in engines
    }
    lines = [
        f"- {engine} (profile {by_place[recipes[0], engine].cell.profile}): "
        f"{route or 'the file as it is'}"
        for engine, route in routes.items()
    ]
    rows = [
        [f"`{recipe}`", *(by_place[recipe, engine].text for engine in engines)]
        for recipe in recipes
    ]
    about = f"## {model.name}\n\n{model.about}."
    return "\n\n".join((about, "\n".join(lines), table(["recipe", *engines], rows)))


def pinned_tools() -> list[str]:
    """The exactly pinned distributions of the tool environments that convert."""
    names = ("onnx", "tensorflow", "torch", "onnx2tf", "sklearn")
    pins = {pin for name in names for pin in ENVIRONMENTS[name].requirements if "==" in pin}
    return [pin.replace("==", " ") for pin in sorted(pins)]


def main() -> int:
    """Runs what is asked for; 1 when a conversion ended in a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="Models by module name, separated by commas.")
    parser.add_argument("--recipes", default="", help="Only these, separated by commas.")
    options = parser.parse_args()
    names = [name for name in options.only.split(",") if name] or list(NAMES)
    recipes = [find_recipe(name).name for name in options.recipes.split(",") if name]
    is_whole = not options.only and not recipes
    models = prepare(names)
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for i, model in enumerate(models):
            cells = cells_of([model], recipes or list(CATALOG))
            groups = [list(group) for _, group in groupby(cells, key=lambda cell: cell.engine)]
            outcomes += (outcome for group in pool.map(run_group, groups) for outcome in group)
            if is_whole:  # a run that is broken off leaves what it has
                PAGE.write_text(page(outcomes, models[: i + 1]), encoding="utf-8")
    print(f"wrote {PAGE}" if is_whole else page(outcomes, models))
    return 1 if any(outcome.is_fault for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
