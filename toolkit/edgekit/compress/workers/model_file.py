"""The working form of every step: an exported program (.pt2) that ``edgekit convert`` reads as well."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import torch

from edgekit.compress.workers.lifting import lift
from edgekit.core.errors import StepFailed, UnsupportedModel

SAME = 1e-3
"""Outputs of a batch and of its samples one by one may differ by this share of their range."""


class Working(NamedTuple):
    """A model that can be pruned and trained."""

    module: Any  # Any: a lifted torch module
    example: tuple[Any, ...]  # Any: tensors


def read(path: str) -> Working:
    """The layers of an exported program.

    Raises:
        UnsupportedModel: it has no example inputs.
    """
    original = torch.load
    torch.load = lambda *args, **options: original(*args, **(options | {"weights_only": True}))
    try:
        program = torch.export.load(path)
    finally:
        torch.load = original
    return of_program(program)


def of_program(program: Any) -> Working:  # Any: an ExportedProgram
    """The layers of a program that is in memory.

    Raises:
        UnsupportedModel: it has no example inputs.
    """
    if not program.example_inputs or not program.example_inputs[0]:
        raise UnsupportedModel(
            "the exported program carries no example inputs",
            hint="export it again: torch.export.export(model, (example,))",
        )
    example = tuple(
        (
            value[:1] if value.dim() and value.shape[0] > 1 and _is_free(program, i) else value
        ).clone()
        for i, value in enumerate(program.example_inputs[0])
    )
    return Working(lift(program), example)


def write(working: Working, path: str) -> None:
    """Exports the module and writes it whole or not at all.

    Raises:
        StepFailed: what was written computes something else.
    """
    module = working.module.eval()
    for parameter in module.parameters():
        parameter.grad = None
    program = torch.export.export(module, working.example)
    with torch.no_grad():
        for ours, theirs in zip(
            outputs_of(module(*working.example)),
            outputs_of(program.module()(*working.example)),
            strict=True,
        ):
            if not torch.allclose(ours, theirs, rtol=1e-3, atol=1e-5):
                raise StepFailed("the exported model computes something else than the trained one")
    temporary = path + ".part.pt2"
    torch.export.save(program, temporary)
    os.replace(temporary, path)


def outputs_of(found: Any) -> list[Any]:  # Any: what a module gives, tensors
    """The outputs as a list, whatever the module gives them in."""
    values = list(found.values()) if isinstance(found, dict) else found
    return list(values) if isinstance(values, list | tuple) else [values]


def require_batches(working: Working) -> None:
    """Training takes many samples at once: the module must compute each as if it were alone.

    Raises:
        UnsupportedModel: it does not.
    """
    torch.manual_seed(0)
    single = [
        tuple(
            torch.rand_like(value) if value.is_floating_point() else value
            for value in working.example
        )
        for _ in range(2)
    ]
    hint = "export it with a free batch: dynamic_shapes=({0: torch.export.Dim('batch')},)"
    if any(value.dim() == 0 or value.shape[0] != 1 for value in working.example):
        raise UnsupportedModel("an input has no batch as its first dimension", hint=hint)
    both = tuple(torch.cat(values) for values in zip(*single, strict=True))
    working.module.eval()
    try:
        with torch.no_grad():
            found = outputs_of(working.module(*both))
            alone = [outputs_of(working.module(*values)) for values in single]
    except (RuntimeError, ValueError, IndexError) as err:
        text = str(err).splitlines()[0][:200]
        raise UnsupportedModel(f"the model computes one sample only: {text}", hint=hint) from err
    for j, value in enumerate(found):
        wanted = torch.cat([outputs[j] for outputs in alone])
        if value.shape != wanted.shape or not torch.allclose(
            value, wanted, rtol=SAME, atol=SAME * float(wanted.abs().max() + 1e-6)
        ):
            raise UnsupportedModel("the model mixes the samples of a batch", hint=hint)


def _is_free(program: Any, position: int) -> bool:
    """True when the input's first dimension was exported as a free one."""
    placeholders = [n for n in program.graph.nodes if n.op == "placeholder"]
    users = set(program.graph_signature.user_inputs)
    inputs = [n for n in placeholders if n.name in users]
    value = inputs[position].meta.get("val")
    return value is not None and not isinstance(value.shape[0], int)
