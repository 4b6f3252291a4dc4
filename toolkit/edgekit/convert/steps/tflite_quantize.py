"""TFLite float to smaller forms by ai-edge-quantizer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

SOURCE = "tflite"
TARGET = "tflite"
ENVIRONMENT = "onnx"
COST = 5
RECIPES = ("int8-static", "int8-dynamic", "int8-weights", "int16x8", "fp16", "int4-block")

BLOCK = 32
"""Weights that share a scale."""


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the package's docstring."""
    from edgekit.convert.workers.versions import versions

    warnings: list[str] = []
    layers: list[dict[str, Any]] = []  # Any: JSON
    if request["recipe"] in ("int8-static", "int16x8"):
        warnings, layers = _static(request)
    else:
        _without_samples(request)
    tools = versions("ai-edge-quantizer", "ai-edge-litert")
    return {"tools": tools, "warnings": warnings, "channel_last": [], "layers": layers}


def _without_samples(request: dict[str, Any]) -> None:
    from ai_edge_quantizer import quantizer, recipe

    work = quantizer.Quantizer(request["model"])
    named = {
        "int8-dynamic": recipe.dynamic_wi8_afp32,
        "int8-weights": recipe.weight_only_wi8_afp32,
    }
    if request["recipe"] == "int4-block":
        _in_blocks(work, request["model"])
    elif request["recipe"] in named:
        work.load_quantization_recipe(named[request["recipe"]]())
    else:
        _cast_to_half(work)
    work.quantize().export_model(request["out"], overwrite=True)


def _in_blocks(work: Any, model: str) -> None:  # Any: the quantizer
    """int4 for matrices that blocks of 32 fit into, int8 for all other weights.

    Raises:
        UnsupportedModel: there are no such matrices.
    """
    from ai_edge_quantizer import qtyping

    from edgekit.convert.workers import tflite_layers
    from edgekit.core.errors import UnsupportedModel

    layers = tflite_layers.read_layers(tflite_layers.read_model(Path(model).read_bytes()))
    fitting = [la for la in layers if la.weight.ndim == 2 and la.weight.shape[1] % BLOCK == 0]
    if not fitting:
        raise UnsupportedModel(
            f"no matrix of the model has rows of a multiple of {BLOCK}",
            hint="--recipe int8-dynamic",
        )
    work.add_dynamic_config(".*", qtyping.TFLOperationName.ALL_SUPPORTED, 8)
    for layer in fitting:
        work.add_dynamic_config(
            f"^{re.escape(layer.name)};?$",
            qtyping.TFLOperationName.FULLY_CONNECTED,
            4,
            granularity=qtyping.QuantGranularity.BLOCKWISE_32,
        )


def _cast_to_half(work: Any) -> None:  # Any: the quantizer
    """Every weight that can be in half precision."""
    from ai_edge_quantizer import qtyping

    half = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
    config = qtyping.OpQuantizationConfig(
        weight_tensor_config=half, compute_precision=qtyping.ComputePrecision.FLOAT
    )
    every = qtyping.TFLOperationName.ALL_SUPPORTED
    work.update_quantization_recipe(".*", every, config, "float_casting")


# Any: JSON
def _static(request: dict[str, Any]) -> tuple[list[str], list[dict[str, Any]]]:
    from edgekit.convert.workers.sensitivity import apply_recipe
    from edgekit.convert.workers.tflite_files import signature_batches
    from edgekit.convert.workers.tflite_static import StaticQuantizer

    parameters = request["parameters"]
    batches = signature_batches(
        request["model"], request["samples"], request["channel_last"], request["names"]
    )
    data = Path(request["model"]).read_bytes()
    work = StaticQuantizer(data, batches, request["recipe"], parameters["scope"])
    kept, report = apply_recipe(work, parameters)
    Path(request["out"]).write_bytes(work.quantize(kept))
    return work.done, report
