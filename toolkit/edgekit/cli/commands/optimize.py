"""Make a model fast enough for a board, by the cheapest change that does it."""

from __future__ import annotations

from pathlib import Path

import click

from edgekit.cli.compressing import TrainOptions, train_options
from edgekit.cli.options import inventory_option
from edgekit.cli.output import Output, output_options


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@train_options
@click.option("--board", required=True, help="Every candidate is measured there.")
@click.option("--profile", required=True, help="Device profile: edgekit profiles list.")
@click.option("--target", required=True, help="p95<20ms, p50<5ms, size<=200kB.")
@click.option("--max-drop", default=1.0, show_default=True, help="Points of accuracy to lose.")
@click.option("--calibration", type=click.Path(path_type=Path), help="Default: --data.")
@click.option(
    "--rung", "rungs", multiple=True, help="Only these: engines, recipes, prune, distill."
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("optimized"), show_default=True
)
@inventory_option
@output_options
def command(
    model: Path,
    options: TrainOptions,
    board: str,
    profile: str,
    target: str,
    max_drop: float,
    calibration: Path | None,
    rungs: tuple[str, ...],
    out: Path,
    inventory: Path | None,
    output: Output,
) -> None:
    """Try remedies on BOARD from cheap to expensive; stop at the first that meets the target.

    Engines and threads, then quantization, then pruning and distillation, each followed by
    quantization. Every candidate is converted, deployed and measured; the table shows the front of
    accuracy, latency and size. When nothing is fast enough the nearest is kept and the exit code is 7.

    \b
    Examples:
      edgekit optimize model.onnx --board kitchen-pi --profile raspberrypi --data train.npz \\
          --validation test.npz --target 'p95<20ms' --max-drop 1
    """
    from edgekit.cli.optimizing import RUNGS, OptimizeRequest, optimize
    from edgekit.compress.targets import parse_target
    from edgekit.core.errors import UsageFault
    from edgekit.core.suggest import did_you_mean

    wanted = parse_target(target)
    if wanted.is_relative or wanted.metric in ("macs", "params"):
        raise UsageFault(f"{target!r} is nothing that a board tells", hint="--target 'p95<20ms'")
    if options.validation is None:
        raise UsageFault(
            "what trains must not judge, and there is no --validation",
            hint="--validation test.npz: labelled samples that are not in --data",
        )
    for rung in rungs:
        if rung not in RUNGS:
            raise UsageFault(f"no rung is called {rung!r}", hint=did_you_mean(rung, RUNGS))
    request = OptimizeRequest(
        model=model,
        options=options,
        board=board,
        profile=profile,
        target=wanted,
        max_drop_points=max_drop,
        calibration=calibration,
        inventory=inventory,
        rungs=rungs,
    )
    optimize(request, out, output)
