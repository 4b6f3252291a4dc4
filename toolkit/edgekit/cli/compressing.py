"""Options and endings that the commands of compression share."""

from __future__ import annotations

import functools
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edgekit.cli.output import Output, aligned
from edgekit.core.compression import Compression, Standing, Timing
from edgekit.core.errors import GateFailed, UsageFault
from edgekit.core.record import Unavailable, dump
from edgekit.core.units import format_bytes, format_count, format_ms

if TYPE_CHECKING:
    from edgekit.compress.request import Subject, Timer
    from edgekit.core.measurement import Measurement

Result = TypeVar("Result")
SEEDS = click.IntRange(0, 2**31 - 1)


@dataclass(frozen=True)
class TrainOptions:
    """The flags that decide what is trained on what."""

    data: Path
    validation: Path | None = None
    shapes: tuple[str, ...] = field(default_factory=tuple)
    weights: Path | None = None
    trust: bool = False
    label: str = ""
    pipeline: str = ""
    epochs: int = 3
    learning_rate: float = 1e-3
    batch: int = 64
    samples: int = 50_000
    seed: int = 0
    threads: int = 0


def train_options(function: Callable[..., Result]) -> Callable[..., Result]:
    """Adds ``--data`` and how to train; passes ``options: TrainOptions``."""
    path = click.Path(path_type=Path)

    @click.option("--data", type=path, required=True, help="Samples: .npz, .csv, folder, .py.")
    @click.option(
        "--validation", type=path, help="Samples that judge; default: a tenth of --data."
    )
    @click.option("--shape", "shapes", multiple=True, help="Input shape: name=1x3x224x224.")
    @click.option("--weights", type=path, help="State dict for a PyTorch builder file.")
    @click.option("--trust", is_flag=True, help="Run code that the model file brings along.")
    @click.option("--label", default="", help="Column or array of the label; default: label, y.")
    @click.option("--pipeline", default="", help="Pictures or sound to inputs, as in convert.")
    @click.option("--epochs", default=3, show_default=True, type=click.IntRange(0, 10_000))
    @click.option("--lr", "learning_rate", default=1e-3, show_default=True, type=float)
    @click.option("--batch", default=64, show_default=True, type=click.IntRange(2, 65_536))
    @click.option("--samples", default=50_000, show_default=True, type=click.IntRange(20))
    @click.option("--seed", default=0, show_default=True, type=SEEDS)
    @click.option("--threads", default=0, type=click.IntRange(0, 1024), help="To train; 0: all.")
    @functools.wraps(function)
    # Any: click passes the command's own parameters through
    def wrapper(*args: Any, **kwargs: Any) -> Result:
        taken = {name: kwargs.pop(name) for name in TrainOptions.__dataclass_fields__}
        return function(*args, options=TrainOptions(**taken), **kwargs)

    return wrapper


def subject_of(model: Path, options: TrainOptions) -> Subject:
    """The model with its data.

    Raises:
        ConfigError: a file is missing, or a shape or the pipeline is wrong.
    """
    import os

    from edgekit.cli.projects import parse_shapes
    from edgekit.compress.request import Subject, Training
    from edgekit.convert.pipelines import parse_pipeline
    from edgekit.core.errors import ConfigError

    for path in filter(None, (options.data, options.validation)):
        if not path.exists():
            raise ConfigError(f"{path}: no such data", hint="--data samples.npz")
    return Subject(
        model=model,
        data=options.data,
        validation=options.validation,
        shapes=parse_shapes(options.shapes),
        weights=options.weights,
        trust=options.trust,
        label=options.label,
        pipeline=parse_pipeline(options.pipeline),
        training=Training(
            epochs=options.epochs,
            learning_rate=options.learning_rate,
            batch=options.batch,
            seed=options.seed,
            threads=options.threads or os.cpu_count() or 1,
            samples=options.samples,
        ),
    )


def require_profile(board: str, profile: str) -> None:
    """Raises UsageFault when a board is named without the profile to convert for."""
    if board and not profile:
        raise UsageFault("--board needs a device profile", hint="--profile raspberrypi")


def board_timer(
    board: str, profile: str, engine: str, inventory: Path | None, output: Output
) -> Timer:
    """Times a model on a board: converted to float by the real converter, deployed, run there."""
    from edgekit.cli.chain import RunSettings, deploy_and_run
    from edgekit.convert.converting import convert
    from edgekit.convert.request import ConvertRequest

    def timed(model: Path) -> Timing:
        with tempfile.TemporaryDirectory(prefix="edgekit-time-") as scratch:
            artifact = Path(scratch) / "artifact"
            request = ConvertRequest(
                model, profile, recipe="float", engine=engine, name="candidate"
            )
            convert(request, artifact, progress=output.detail)
            run = deploy_and_run(
                artifact,
                board,
                "candidate",
                RunSettings(200, 20, 1.5, 30.0, threads=1),
                inventory=inventory,
                output=Output(quiet=not output.verbose),
            )
        return timing_of(run.measurement)

    return timed


def timing_of(measured: Measurement) -> Timing:
    """What a run on a board says about a model's speed.

    Raises:
        RunnerFailed: it has too few samples for a median.
    """
    from edgekit.core.errors import RunnerFailed

    percentiles = measured.summaries["total"].percentiles_ms
    p50, p95 = percentiles["p50"], percentiles["p95"]
    if isinstance(p50, Unavailable):
        raise RunnerFailed(f"{measured.board}: no median: {p50.reason}")
    return Timing(
        p50.value,
        f"{measured.engine}, {measured.options.threads} thread(s), {measured.board} "
        f"({measured.machine})",
        measured.mode,
        None if isinstance(p95, Unavailable) else p95.value,
    )


def finish(
    card: Compression, model: Path, out: Path, output: Output, *, beside: Path | None = None
) -> None:
    """Writes the folder, shows the card, and ends with exit code 7 when the target was missed.

    Raises:
        GateFailed: the target was missed; the best so far is in the folder.
    """
    from edgekit.compress.publishing import MODEL, write_folder

    card = write_folder(card, model, out, f"edgekit {shlex.join(sys.argv[1:])}", beside=beside)
    shutil.rmtree(model.parent, ignore_errors=True)  # what a killed one would have gone on from
    if card.missed:
        if not output.as_json:
            output.data(card, f"{describe_card(card)}\n{out}/")
        raise GateFailed(
            f"missed: {card.missed}; the best so far is in {out}",
            hint="a wider --max-drop, more --epochs or --samples, or an easier --target",
            details={"compression": dump(card)},
        )
    output.data(card, f"{describe_card(card)}\n{out}/")
    for warning in card.warnings:
        output.note(f"note: {warning}")
    if beside is not None:
        output.next_step(f"edgekit deploy {out / beside.name} --board BOARD")
    else:
        output.next_step(f"edgekit convert {out / MODEL} --profile PROFILE --calibration SAMPLES")


def describe_card(card: Compression) -> str:
    """Every step with what it gained and what it cost."""
    rows = [_row("original", card.original, "")]
    rows += [_row(step.kind, step.after, f"{step.elapsed_s:.0f} s") for step in card.steps]
    heads = ("step", "MACs", "parameters", "weights", "accuracy", "agreement", "p50", "took")
    judged = f"judged by {card.judged_count} samples that trained nothing"
    timing = card.result.timing
    if not isinstance(timing, Unavailable):
        judged += f"; p50 on {timing.where} [{timing.mode.value}]"
    return f"{aligned(heads, rows)}\n* {judged}"


def _row(name: str, standing: Standing, took: str) -> tuple[str, ...]:
    timing = standing.timing
    return (
        name,
        _count(standing.macs),
        _count(standing.parameters),
        format_bytes(standing.weight_bytes),
        _share(standing.accuracy),
        _share(standing.agreement),
        "-" if isinstance(timing, Unavailable) else _time(timing),
        took,
    )


def _time(timing: Timing) -> str:
    ratio = "" if timing.to_original is None else f" ({timing.to_original:.2f}x)"
    return f"{format_ms(timing.p50_ms)}{ratio}"


def _count(value: int | Unavailable) -> str:
    return "-" if isinstance(value, Unavailable) else format_count(value)


def _share(value: float | Unavailable) -> str:
    return "-" if isinstance(value, Unavailable) else f"{value:.2%}"
