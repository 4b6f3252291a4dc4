"""Any model that PyTorch can hold, as an exported program to work on.

request  {"format": "pytorch" or "onnx", "model", "trust", "weights", "shapes", "names", "out": FILE.pt2}
reply    {"inputs", "outputs": [TensorSpec], "standing": {...}, "tools": {...}}
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

MOST_DEVIATION = 1e-3
"""Of the outputs' range: what an import may differ by from the original."""


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    from edgekit.compress.workers.counting import standing
    from edgekit.compress.workers.model_file import require_batches, write
    from edgekit.convert.workers.versions import versions

    opened = _onnx(request) if request["format"] == "onnx" else _pytorch(request)
    require_batches(opened)
    write(opened, request["out"])
    return {
        "inputs": _specs(opened.example, request["names"] or list(request["shapes"])),
        "outputs": _outputs(opened),
        "standing": standing(opened.module, opened.example),
        "tools": versions("torch", "onnx2torch", "torch-pruning"),
    }


def _pytorch(request: dict[str, Any]) -> Any:
    import torch

    from edgekit.compress.workers.model_file import of_program
    from edgekit.convert.workers.pytorch_source import load

    source = load(request)
    if source.program is not None:
        return of_program(source.program)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "script.onnx")
        torch.onnx.export(
            source.module, source.example, path, dynamo=False, opset_version=17,
            training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
        )  # fmt: skip
        return _onnx(request | {"model": path, "shapes": {}})


def _onnx(request: dict[str, Any]) -> Any:
    import numpy
    import onnxruntime
    import torch

    from edgekit.compress.workers.model_file import of_program, outputs_of
    from edgekit.convert.workers.onnx_files import fixed_shapes, input_specs, load_onnx
    from edgekit.convert.workers.onnx_to_torch import to_torch
    from edgekit.core.errors import UnsupportedModel

    model = fixed_shapes(load_onnx(request["model"]), request["shapes"])
    generator = numpy.random.default_rng(0)
    feed = {}
    for spec in input_specs(model):
        values = generator.random(spec["shape"])
        feed[spec["name"]] = values.astype(spec["dtype"])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    wanted = session.run(None, feed)
    module = to_torch(model)
    example = tuple(torch.from_numpy(array) for array in feed.values())
    try:
        opened = of_program(torch.export.export(module, example))
    except Exception as err:  # the exporter raises many kinds
        text = str(err).strip().splitlines()
        raise UnsupportedModel(
            f"PyTorch cannot follow the model: {text[0][:300] if text else type(err).__name__}",
            hint="edgekit compress distill TEACHER --student build.py needs only its answers",
        ) from err
    with torch.no_grad():
        found = outputs_of(opened.module(*example))
    for ours, theirs in zip(found, wanted, strict=True):
        range_ = max(float(numpy.abs(theirs).max()), 1e-6)
        if float(numpy.abs(ours.numpy() - theirs).max()) > MOST_DEVIATION * range_:
            raise UnsupportedModel("the model computes something else in PyTorch")
    return opened


def _specs(example: tuple[Any, ...], names: list[str]) -> list[dict[str, Any]]:
    if len(names) != len(example):
        names = [f"input_{j}" for j in range(len(example))]
    return [_spec(name, value) for name, value in zip(names, example, strict=True)]


def _outputs(opened: Any) -> list[dict[str, Any]]:
    import torch

    from edgekit.compress.workers.model_file import outputs_of

    with torch.no_grad():
        found = outputs_of(opened.module(*opened.example))
    return [_spec(f"output_{j}", value) for j, value in enumerate(found)]


def _spec(name: str, value: Any) -> dict[str, Any]:  # Any: a tensor, JSON
    return {
        "name": name,
        "shape": list(value.shape),
        "dtype": str(value.dtype).removeprefix("torch."),
    }
