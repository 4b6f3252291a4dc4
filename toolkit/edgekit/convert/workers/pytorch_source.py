"""Reads PyTorch models: exported programs, TorchScript, builder files."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.core.errors import UnsupportedModel, UsageFault


@dataclass(frozen=True)
class TorchSource:
    """A model ready to be converted."""

    module: Any  # Any: a torch module
    example: tuple[Any, ...]  # Any: tensors
    program: Any = None  # Any: an ExportedProgram, when the file is one


def load(request: dict[str, Any]) -> TorchSource:  # Any: JSON
    """The model of a request, with example inputs of the shapes asked for.

    Raises:
        UnsupportedModel: the file is damaged or not understood.
    """
    path = request["model"]
    suffix = Path(path).suffix.lower()
    if suffix == ".py":
        return _built(path, request)
    import torch

    if not request["trust"]:
        _forbid_pickles(torch)
    try:
        if suffix == ".pt2":
            program = torch.export.load(path)
            example = program.example_inputs[0] if program.example_inputs else _example(request)
            return TorchSource(program.module(), tuple(example), program)
        module = torch.jit.load(path, map_location="cpu").eval()
    except (RuntimeError, ValueError, KeyError, AssertionError, OSError) as err:
        text = str(err).splitlines()[0][:300] if str(err) else type(err).__name__
        raise UnsupportedModel(
            f"PyTorch cannot read {Path(path).name}: {text}", hint="export the model again"
        ) from err
    return TorchSource(module, _example(request))


def _forbid_pickles(torch: Any) -> None:  # Any: the torch package
    """Whatever asks torch to unpickle gets tensors only, never code."""
    original = torch.load

    def tensors_only(*args: Any, **options: Any) -> Any:  # Any: torch.load's own
        return original(*args, **(options | {"weights_only": True}))

    torch.load = tensors_only


def _built(path: str, request: dict[str, Any]) -> TorchSource:  # Any: JSON
    import torch

    spec = importlib.util.spec_from_file_location("edgekit_user_model", path)
    if spec is None or spec.loader is None:
        raise UnsupportedModel(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    build = getattr(module, "build", None)
    if build is None:
        raise UnsupportedModel(
            f"{Path(path).name} has no function build() that returns the model",
            hint="def build(): return MyModel()",
        )
    model = build()
    if request["weights"]:
        model.load_state_dict(torch.load(request["weights"], weights_only=True))
    model.eval()
    example = _example(request)
    program = torch.export.export(model, example)
    return TorchSource(model, example, program)


def _example(request: dict[str, Any]) -> tuple[Any, ...]:  # Any: JSON, tensors
    import torch

    if not request["shapes"]:
        raise UsageFault(
            "the model does not say the shape of its inputs", hint="--shape input=1x3x224x224"
        )
    return tuple(torch.zeros(shape) for shape in request["shapes"].values())
