"""TensorFlow Lite runtime (tflite-runtime), frozen since 2023."""

from __future__ import annotations

from typing import Any

from . import distribution_version
from .contract import BOUND, COPIED, NATIVE, Options, Session, choose
from .litert import InterpreterSession

NAME = "tflite_runtime"
TITLE = "TensorFlow Lite runtime"
FORMATS = ("tflite",)
DISTRIBUTIONS = ("tflite-runtime",)
PREINSTALLED = False
OPTIONS = {"delegate": ("xnnpack", "none")}
VARIANTS = (COPIED, BOUND, NATIVE)
VERSION = ""
NOTE = "The only engine with wheels for 32-bit ARM; needs numpy below 2 and Python up to 3.11."


def library() -> Any:  # Any: the module
    """Imports tflite-runtime's interpreter."""
    from tflite_runtime import interpreter

    return interpreter


def load(model_path: str, threads: int, options: Options = None) -> Session:
    """Reads the model."""
    chosen = choose(options, OPTIONS, TITLE)
    version = distribution_version(DISTRIBUTIONS[0])
    return InterpreterSession(library(), model_path, threads, version, chosen["delegate"])
