"""Look into a model file or an artifact."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgekit.cli.output import Output, aligned, output_options
from edgekit.core.record import Unavailable
from edgekit.core.units import format_bytes, format_count

if TYPE_CHECKING:
    from edgekit.convert.inspection import Inspection
    from edgekit.core.artifact import (
        ModelArtifact,
        ModelContents,
        ModelStructure,
        Proof,
        TensorSpec,
    )


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@output_options
def command(model: Path, output: Output) -> None:
    """Show what MODEL holds: a TFLite, ONNX or OpenVINO file, or an artifact folder.

    Inputs and outputs with their quantization, operations with their arithmetic and bytes, weights
    by dtype; for an artifact also size, accuracy and the steps that made it.

    \b
    Examples:
      edgekit inspect model.onnx
      edgekit inspect artifact
    """
    if (model / "card.json").is_file():
        from edgekit.boards.deploy import load_card

        card = load_card(model)
        output.data(card, describe_artifact(card))
        return
    from edgekit.convert.inspection import inspect_model

    found = inspect_model(model, progress=output.note)
    output.data(found, describe_inspection(found))


def describe_inspection(found: Inspection) -> str:
    """Tables of tensors, weights and operations."""
    source = found.source
    return "\n\n".join(
        [
            f"{source.name}: {source.format.value}, {format_bytes(source.size_bytes)}, "
            f"licence: {_licence(found.licence)}\n{_contents(found.contents)}",
            _tensors(found.inputs, found.outputs),
            _structure(found.structure, found.contents),
        ]
    )


def describe_artifact(card: ModelArtifact) -> str:
    """The card: before and after, tensors, operations, steps."""
    from edgekit.convert.budget import describe_rung
    from edgekit.report.sections import artifact_section
    from edgekit.report.text import render_table

    parts = [render_table(artifact_section(card)), _tensors(card.inputs, card.outputs)]
    contents = None if isinstance(card.contents, Unavailable) else card.contents
    if contents is not None:
        parts.append(f"licence: {_licence(card.licence)}\n{_contents(contents)}")
    if not isinstance(card.structure, Unavailable):
        parts.append(_structure(card.structure, contents))
    steps = [
        (s.step, f"{s.elapsed_s:.1f} s", ", ".join(f"{k} {v}" for k, v in s.tools.items()))
        for s in card.steps
    ]
    if steps:
        parts.append(aligned(("step", "time", "tools"), steps))
    proofs = () if isinstance(card.proofs, Unavailable) else card.proofs
    rows = [_proof(proof) for proof in proofs]
    if rows:
        parts.append(
            aligned(("proven on", "samples", "same answer", "deviation", "allowed"), rows)
        )
    used = [
        (d.role, d.name, f"{d.sample_count} of {d.available_count}", d.sha256[:12])
        for d in card.data
    ]
    if used:
        parts.append(aligned(("data", "name", "samples", "hash"), used))
    if not isinstance(card.replay, Unavailable):
        parts.append(f"made by: {card.replay.command}")
    notes = [*(describe_rung(rung) for rung in card.rungs), *card.warnings]
    if notes:
        parts.append("\n".join(f"* {note}" for note in notes))
    return "\n\n".join(parts)


def _tensors(inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> str:
    rows = []
    for side, tensors in (("input", inputs), ("output", outputs)):
        for tensor in tensors:
            scheme = tensor.quantization
            shape = "x".join("?" if size < 0 else str(size) for size in tensor.shape)
            quantized = f"{scheme.scale:.6g} x (q - {scheme.zero_point})" if scheme else ""
            rows.append((side, tensor.name, shape, tensor.dtype, tensor.layout, quantized))
    return aligned(("", "name", "shape", "dtype", "layout", "real value"), rows)


def _licence(licence: str | Unavailable) -> str:
    return licence if isinstance(licence, str) else f"unknown ({licence.reason})"


def _proof(proof: Proof) -> tuple[str, ...]:
    same = "-" if proof.top1_agreement is None else f"{proof.top1_agreement:.0%}"
    return (
        f"{proof.engine} {proof.version}",
        str(proof.sample_count),
        same,
        f"{proof.max_deviation:.3g}",
        f"{proof.tolerance:.3g}",
    )


def _contents(contents: ModelContents) -> str:
    stored = max(sum(contents.weights_bytes.values()), 1)
    weights = ", ".join(
        f"{kind} {format_bytes(n)} ({n / stored:.0%})"
        for kind, n in contents.weights_bytes.items()
    )
    facts = [f"{name}: {value}" for name, value in contents.facts.items()]
    return "\n".join([f"weights: {weights or 'none'}", *facts])


def _structure(structure: ModelStructure, contents: ModelContents | None) -> str:
    by_dtype = contents.operations_by_dtype if contents else {}
    macs = max(structure.macs, 1)
    rows = [
        (
            o.type,
            str(o.count),
            ", ".join(f"{n} {kind}" for kind, n in by_dtype.get(o.type, {}).items()),
            f"{o.macs / macs:.1%}",
            format_bytes(o.weight_bytes),
            format_bytes(o.activation_bytes),
        )
        for o in structure.operations
    ]
    head = (
        f"{format_count(structure.parameters)} parameters, {format_count(structure.macs)} "
        f"multiply-accumulates, depth {structure.depth}, width {structure.max_width}"
    )
    headers = ("operation", "count", "computed in", "arithmetic", "weights", "activations")
    return f"{head}\n{aligned(headers, rows)}"
