"""Convert a trained model for a board, smaller and checked."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli import exits
from edgekit.cli.many import convert_many
from edgekit.cli.options import inventory_option, records_option
from edgekit.cli.output import Output, aligned, output_options
from edgekit.cli.projects import ConvertOptions, convert_options, convert_request, own_pipeline
from edgekit.core.record import to_plain
from edgekit.core.units import format_bytes

if TYPE_CHECKING:
    from edgekit.convert.choices import Choice
    from edgekit.core.artifact import LayerNoise, ModelArtifact, SourceModel

SHOWN_LAYERS = 12
CURED_SHARE = 0.5
"""The fewest layers that make this share of the noise are named as the cure."""


@click.command()
@convert_options
@click.option("--out", type=click.Path(path_type=Path), help="Artifact folder; default: artifact.")
@click.option(
    "--replay",
    type=click.Path(path_type=Path),
    help="Card of an artifact: make it again and compare byte by byte.",
)
@click.option("--dry-run", is_flag=True, help="Show the route; convert nothing.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, help="Conversions at a time.")
@click.option("--ray", default="", help="Convert on a Ray cluster: HOST:PORT, auto or local.")
@click.option(
    "--measure-on", default="", help="Board: measure every candidate there, keep the fastest."
)
@inventory_option
@records_option
@output_options
def command(
    options: ConvertOptions,
    out: Path | None,
    replay: Path | None,
    dry_run: bool,
    jobs: int,
    ray: str,
    measure_on: str,
    inventory: Path | None,
    records: Path,
    output: Output,
) -> int:
    """Convert MODEL into a compact artifact for a device profile.

    MODEL is a Keras file (.keras, .h5), a SavedModel folder, an ONNX or TFLite file, or PyTorch:
    an exported program (.pt2), TorchScript (.pt), or a builder file (.py with build(), --trust).
    Without MODEL, edgekit.toml in this folder names it. The result is checked against the
    original on your data and lands in a folder with its card and golden vectors.

    \b
    Examples:
      edgekit convert model.keras --profile raspberrypi --calibration samples.npz
      edgekit convert model.onnx --profile intel-n100 --recipe float --shape x=1x3x224x224
      edgekit convert model.pt2 --profile jetson-nano --calibration photos/ --pipeline imagenet
      edgekit convert model.onnx --profile raspberrypi --calibration s.npz --measure-on kitchen-pi
      edgekit convert a.onnx b.keras --profile raspberrypi,jetson-nano --jobs 2
      edgekit convert --replay artifact/card.json --out again
    """
    from edgekit.cli.variants import attach_pipeline
    from edgekit.convert.converting import convert, plan_conversion

    if options.is_many or ray:
        return convert_many(options, out or Path("artifacts"), jobs, ray, output)
    if replay is not None:
        _replay(replay, options, out or Path("replayed"), output)
        return exits.OK
    request, folder = convert_request(options, Path())
    own = own_pipeline(options, Path())
    target = out or folder or Path("artifact")
    if dry_run:
        source, choices = plan_conversion(request)
        output.data(
            {
                "source": to_plain(source),
                "choices": [
                    {
                        "engine": c.engine,
                        "recipe": c.recipe,
                        "steps": [s.name for s in c.steps],
                        "notes": list(c.notes),
                    }
                    for c in choices
                ],
            },
            describe_plan(source, choices),
        )
        return exits.OK
    if measure_on:
        from edgekit.cli.selecting import SelectSettings, select
        from edgekit.report.selection import selection_section
        from edgekit.report.text import render_section

        settings = SelectSettings(measure_on, records, inventory)
        selection, card = select(request, target, settings, output)
        output.data(selection, f"{render_section(selection_section(selection))}\n{target}/")
        if own is not None:
            attach_pipeline(target, own)
        output.next_step(f"edgekit deploy {target} --board {measure_on}")
        return exits.OK
    card = convert(request, target, progress=output.note)
    if own is not None:
        card = attach_pipeline(target, own)
    shown = [describe_card(card)]
    if options.debug_layers:
        shown.append(describe_layers(card.layers))
    output.data(card, "\n".join([*shown, f"{target}/"]))
    for warning in card.warnings:
        output.note(f"note: {warning}")
    output.next_step(f"edgekit deploy {target} --board BOARD")
    return exits.OK


def _replay(path: Path, options: ConvertOptions, out: Path, output: Output) -> None:
    from edgekit.convert.converting import convert
    from edgekit.convert.replay import request_of, require_same
    from edgekit.core.artifact import ModelArtifact
    from edgekit.core.record import load

    before = load(ModelArtifact, path / "card.json" if path.is_dir() else path)
    changed = {
        name: getattr(options, name) for name in ("model", "calibration", "data", "weights")
    }
    after = convert(request_of(before, changed), out, fresh=True, progress=output.note)
    require_same(before, after)
    files = len(after.files)
    output.data(after, f"{before.name}: all {files} files came out the same, byte by byte\n{out}/")


def describe_plan(source: SourceModel, choices: tuple[Choice, ...]) -> str:
    """The route of every engine for the first recipe, in order, and what follows where that fails."""
    from edgekit.convert.converting import missing_environments

    lines = [f"{source.name}: {source.format.value}, {format_bytes(source.size_bytes)}"]
    first = [choice for choice in choices if choice.recipe == choices[0].recipe]
    for i, choice in enumerate(first):
        steps = " -> ".join(f"{s.name} {s.recipe}".strip() for s in choice.steps) or "as it is"
        lines.append(f"{'then' if i else 'first'}: {choice.engine} {choice.recipe}: {steps}")
        missing = missing_environments(choice, source.format)
        if missing:
            lines.append(f"  tool environments to be made first: {', '.join(missing)}")
        lines += [f"  note: {note}" for note in choice.notes]
    others = dict.fromkeys(c.recipe for c in choices if c.recipe != choices[0].recipe)
    if others:
        lines.append(f"where {choices[0].recipe} is not good enough: {', '.join(others)}")
    return "\n".join(lines)


def describe_card(card: ModelArtifact) -> str:
    """Size, agreement and accuracy before and after, and how long each step took."""
    from edgekit.report.sections import artifact_section
    from edgekit.report.text import render_table

    steps = ", ".join(f"{step.step} {step.elapsed_s:.1f} s" for step in card.steps)
    made = f"made by: {steps or 'copied'}; {card.elapsed_s:.1f} s in all"
    built = f"\non the board: {card.build_command}" if card.build_command else ""
    return f"{render_table(artifact_section(card))}\n{made}{built}"


def describe_layers(layers: tuple[LayerNoise, ...]) -> str:
    """The layers that hurt, worst first, and the change that cures."""
    if not layers:
        return "layers: only static int8 has layers to compare (--recipe int8-static)"
    rows = [
        (
            f"{layer.noise_share:.1%}",
            "-" if layer.snr_db is None else f"{layer.snr_db:.1f} dB",
            "float" if layer.is_float else "int8",
            layer.name,
        )
        for layer in layers[:SHOWN_LAYERS]
    ]
    table = aligned(("noise", "alone", "kept in", "layer"), rows)
    left = len(layers) - len(rows)
    more = f"\n... and {left} more (--json shows all)" if left else ""
    made = 0.0
    worst = []
    for layer in layers:
        if made >= CURED_SHARE or layer.is_float:
            break
        worst.append(layer)
        made += layer.noise_share
    if not worst:
        return table + more
    cure = " ".join(f"--keep-float {shlex.quote(layer.name)}" for layer in worst)
    return f"{table}{more}\n{made:.0%} of the noise goes with: {cure}   (or --recipe int8-mixed)"
