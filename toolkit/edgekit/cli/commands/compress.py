"""Make a model smaller by training: prune, distil, search, or a chain of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from edgekit.cli.compressing import TrainOptions, train_options
from edgekit.cli.options import inventory_option
from edgekit.cli.output import Output, output_options


@click.group()
def command() -> None:
    """Smaller models by training, judged on data that trained nothing.

    The result is an ordinary dense model that every engine runs faster, with a card of every step.

    \b
    Examples:
      edgekit compress prune model.onnx --data train.npz --target 'macs<=0.5x' --max-drop 1
      edgekit compress distill teacher.onnx --student width:0.5 --data samples.npz
      edgekit compress search space.py --trust --data train.npz --shape x=1x3x32x32 --target 'p95<5ms'
    """


@command.command("prune")
@click.argument("model", type=click.Path(path_type=Path))
@train_options
@click.option("--target", required=True, help="macs<=0.5x, latency<=0.6x, size<=200kB, p95<20ms.")
@click.option("--max-drop", default=1.0, show_default=True, help="Points of accuracy to lose.")
@click.option("--importance", default="taylor", show_default=True, help="taylor or group-norm.")
@click.option("--multiple", type=click.IntRange(1, 256), help="Channels at a time; profile's: 8.")
@click.option("--rounds", default=0, type=click.IntRange(0, 100), help="0: a fifth per round.")
@click.option("--profile", default="", help="Device profile: channel multiple, engine.")
@click.option("--engine", default="", help="To time with on --board; default: the profile's.")
@click.option("--board", default="", help="Time there; default: ONNX Runtime on this machine.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("pruned"), show_default=True)
@inventory_option
@output_options
def prune_command(
    model: Path,
    options: TrainOptions,
    target: str,
    max_drop: float,
    importance: str,
    multiple: int | None,
    rounds: int,
    profile: str,
    engine: str,
    board: str,
    out: Path,
    inventory: Path | None,
    output: Output,
) -> None:
    """Take channels from MODEL until the target is met, and train what is left.

    MODEL is PyTorch (.pt2, .pt, a builder .py with --trust), ONNX, Keras or a SavedModel. Channels
    that hang together through additions, concatenations and depthwise convolutions go together.
    Without labels the original's answers teach. The result is model.pt2 with compression.json; a
    killed pruning goes on from its last round, and a missed target ends with exit code 7 and the
    best so far.

    \b
    Examples:
      edgekit compress prune model.onnx --data train.npz --target 'macs<=0.5x'
      edgekit compress prune net.keras --data train.npz --target 'latency<=0.6x' --board kitchen-pi
    """
    from edgekit.cli.compressing import board_timer, finish, require_profile, subject_of
    from edgekit.compress.pruning import prune
    from edgekit.compress.publishing import require_out
    from edgekit.compress.request import DEFAULT_MULTIPLE, PruneRequest
    from edgekit.compress.targets import parse_target
    from edgekit.profiles.device import load_profile

    require_profile(board, profile)
    wished = load_profile(profile).channel_multiple if profile else DEFAULT_MULTIPLE
    request = PruneRequest(
        subject=subject_of(model, options),
        target=parse_target(target),
        max_drop_points=max_drop,
        importance=importance,
        multiple=multiple or wished,
        rounds=rounds,
    )
    require_out(out)
    timer = board_timer(board, profile, engine, inventory, output) if board else None
    card, found = prune(request, output.note, timer=timer)
    finish(card, found, out, output)


@command.command("distill")
@click.argument("teacher", type=click.Path(path_type=Path))
@click.option("--student", required=True, help="A model, a builder .py, or width:0.5.")
@click.option("--student-weights", type=click.Path(path_type=Path), help="State dict to start at.")
@train_options
@click.option(
    "--features", default=1.0, show_default=True, help="Weight of inner layers; 0: none."
)
@click.option("--patience", default=4, show_default=True, type=click.IntRange(0, 1000))
@click.option("--int8-aware", is_flag=True, help="Train with int8 rounding: for what int8 breaks.")
@click.option("--target", default="", help="What the student has to keep: macs<=0.5x, p95<20ms.")
@click.option("--max-drop", type=float, help="Points of accuracy it may lose to the teacher.")
@click.option("--profile", default="", help="Device profile of --board.")
@click.option("--engine", default="", help="To time with on --board; default: the profile's.")
@click.option("--board", default="", help="Time there.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("taught"), show_default=True)
@inventory_option
@output_options
def distill_command(
    teacher: Path,
    student: str,
    student_weights: Path | None,
    options: TrainOptions,
    features: float,
    patience: int,
    int8_aware: bool,
    target: str,
    max_drop: float | None,
    profile: str,
    engine: str,
    board: str,
    out: Path,
    inventory: Path | None,
    output: Output,
) -> None:
    """Train a smaller STUDENT on what TEACHER answers; labels are not needed.

    TEACHER is any model that edgekit convert reads. The student is a model file, a builder (.py with
    build(), --trust), or the teacher with a share of its channels (width:0.5). Training ends when
    --patience epochs bring nothing on a tenth of the data that it does not train on.

    \b
    Examples:
      edgekit compress distill model.tflite --student small.py --trust --data samples.npz --epochs 20
      edgekit compress distill model.onnx --student width:0.5 --data train.npz --max-drop 1
      edgekit compress distill model.onnx --student pruned/model.pt2 --data train.npz
    """
    from edgekit.cli.compressing import board_timer, finish, require_profile, subject_of
    from edgekit.compress.distilling import DistillRequest, distill
    from edgekit.compress.publishing import require_out
    from edgekit.compress.targets import parse_target

    require_profile(board, profile)
    request = DistillRequest(
        teacher=subject_of(teacher, options),
        student=student,
        student_weights=student_weights,
        max_drop_points=max_drop,
        target=parse_target(target) if target else None,
        features=features,
        patience=patience,
        is_int8=int8_aware,
    )
    require_out(out)
    timer = board_timer(board, profile, engine, inventory, output) if board else None
    card, found = distill(request, output.note, timer=timer)
    finish(card, found, out, output)


@command.command("search")
@click.argument("space", type=click.Path(path_type=Path))
@train_options
@click.option("--target", required=True, help="p95<20ms, p50<5ms, size<=200kB.")
@click.option("--trials", default=30, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--sampler", default="tpe", show_default=True, help="tpe or random.")
@click.option("--recipe", default="float", show_default=True, help="Unless the space chooses.")
@click.option("--calibration", type=click.Path(path_type=Path), help="For int8-static.")
@click.option("--profile", default="", help="Device profile of --board.")
@click.option("--engine", default="", help="Unless the space chooses; default: the profile's.")
@click.option("--board", default="", help="Measure there; default: this machine stands in.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("search"), show_default=True)
@inventory_option
@output_options
def search_command(
    space: Path,
    options: TrainOptions,
    target: str,
    trials: int,
    sampler: str,
    recipe: str,
    calibration: Path | None,
    profile: str,
    engine: str,
    board: str,
    out: Path,
    inventory: Path | None,
    output: Output,
) -> None:
    """Search SPACE.py for the most accurate network that meets the target on the board.

    SPACE.py has build(trial), which asks the trial in Optuna's words (suggest_int, suggest_categorical)
    and returns a torch module; the names recipe, engine and threads decide how it is converted and
    run. A candidate that falls behind is not trained to the end; the others are converted and
    measured. The folder holds everything after every trial: the same command goes on there.

    \b
    Examples:
      edgekit compress search space.py --trust --data train.npz --shape x=1x1x28x28 --target 'p95<2ms' \\
          --profile raspberrypi --board kitchen-pi --trials 50
    """
    from edgekit.cli.compressing import require_profile, subject_of
    from edgekit.cli.searching import Stage, board_measure, finish_search, host_measure
    from edgekit.compress.searching import SearchRequest, require_request, search
    from edgekit.compress.targets import parse_target

    require_profile(board, profile)
    subject = subject_of(space, options)
    request = SearchRequest(
        space=space,
        data=subject.data,
        shapes=subject.shapes,
        target=parse_target(target),
        trials=trials,
        validation=subject.validation,
        label=subject.label,
        sampler=sampler,
        trust=subject.trust,
        training=subject.training,
    )
    require_request(request)
    stage = Stage(board, profile, engine, recipe, calibration, subject.validation, inventory)
    measure = board_measure(stage, output) if board else host_measure()
    record = search(request, out, measure, board or "this machine", output.note)
    finish_search(record, out, output)


@command.command("chain")
@click.argument("model", type=click.Path(path_type=Path))
@train_options
@click.option("--target", required=True, help="Of pruning: macs<=0.5x, size<=200kB.")
@click.option("--max-drop", default=1.0, show_default=True, help="Points to lose in all.")
@click.option("--importance", default="taylor", show_default=True, help="taylor or group-norm.")
@click.option("--multiple", type=click.IntRange(1, 256), help="Channels at a time; profile's: 8.")
@click.option("--profile", required=True, help="Device profile: edgekit profiles list.")
@click.option("--engine", default="", help="Default: the profile's.")
@click.option("--recipe", default="auto", show_default=True, help="How to quantize.")
@click.option("--calibration", type=click.Path(path_type=Path), help="Default: --data.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("chained"), show_default=True)
@output_options
def chain_command(
    model: Path,
    options: TrainOptions,
    target: str,
    max_drop: float,
    importance: str,
    multiple: int | None,
    profile: str,
    engine: str,
    recipe: str,
    calibration: Path | None,
    out: Path,
    output: Output,
) -> None:
    """Prune MODEL, teach what is left with MODEL as teacher, quantize: one card of every step.

    The drop is that of the whole chain: quantization gets what training has left of it. When no
    recipe keeps it, the model is trained once more with int8 rounding, and quantized again. OUT
    holds model.pt2, compression.json, and artifact/ when the drop is kept.

    \b
    Examples:
      edgekit compress chain model.onnx --data train.npz --validation test.npz --profile raspberrypi \\
          --target 'macs<=0.5x' --max-drop 1
    """
    from edgekit.cli.chaining import ARTIFACT, Quantize, run_chain
    from edgekit.cli.compressing import finish, subject_of
    from edgekit.compress.publishing import require_out
    from edgekit.compress.request import PruneRequest
    from edgekit.compress.targets import parse_target
    from edgekit.core.errors import UsageFault
    from edgekit.profiles.device import load_profile

    wanted = parse_target(target)
    if options.validation is None or wanted.is_time:
        raise UsageFault(
            "a chain needs --validation, and a target that pruning can count",
            hint="--validation test.npz --target 'macs<=0.5x'",
        )
    request = PruneRequest(
        subject_of(model, options),
        wanted,
        max_drop,
        importance,
        multiple or load_profile(profile).channel_multiple,
    )
    require_out(out)
    end = Quantize(profile, engine, recipe, calibration or options.data)
    with tempfile.TemporaryDirectory(prefix="edgekit-chain-") as scratch:
        made = Path(scratch)
        card, found = run_chain(request, end, made, output)
        if (made / ARTIFACT).exists():
            finish(card, found, out, output, beside=made / ARTIFACT)
        else:
            finish(card, found, out, output)
