"""TensorFlow Lite runtime (tflite-runtime), frozen since 2023."""

from __future__ import annotations

from . import distribution_version
from .contract import Session
from .litert import InterpreterSession

NAME = "tflite_runtime"
TITLE = "TensorFlow Lite runtime"
FORMATS = ("tflite",)
DISTRIBUTIONS = ("tflite-runtime",)
VERSION = ""
NOTE = "The only engine with wheels for 32-bit ARM; needs numpy below 2 and Python up to 3.11."


def load(model_path: str, threads: int) -> Session:
    """Imports tflite-runtime and reads the model."""
    from tflite_runtime.interpreter import Interpreter

    interpreter = Interpreter(model_path=model_path, num_threads=threads)
    return InterpreterSession(interpreter, threads, distribution_version(DISTRIBUTIONS[0]))
