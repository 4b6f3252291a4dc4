"""Peers, one file each.

A peer has the constants NAME, ENGINE (of the artifact), FORMAT (its file's ending), STARTS_FROM (a key
of the float models), ENVIRONMENT (a tool environment or its name), VARIANTS (names of recipes that it
has), and ``main(request)``, which runs inside the environment:

request  {"model": PATH, "variant": RECIPE, "samples": PATH of an .npz with input_<j> [n, *shape],
          "names": [NAME of each input of the source], "out": PATH}
"""

from __future__ import annotations

import importlib
from types import ModuleType

NAMES = (
    "tflite_converter",
    "ai_edge_quantizer",
    "litert_cli",
    "onnx2tf",
    "onnx2tf_saved_model",
    "ort_quantization",
    "olive",
    "nncf",
    "nncf_onnx",
)


def all_peers() -> tuple[ModuleType, ...]:
    """Every peer's module."""
    return tuple(importlib.import_module(f"convert_bench.peers.{name}") for name in NAMES)
