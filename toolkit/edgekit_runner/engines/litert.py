"""LiteRT, the successor of TensorFlow Lite (ai-edge-litert)."""

from __future__ import annotations

from typing import Any, Dict, List

from . import distribution_version
from .contract import Session, Tensor

NAME = "litert"
TITLE = "LiteRT"
FORMATS = ("tflite",)
DISTRIBUTIONS = ("ai-edge-litert",)
VERSION = ""
NOTE = "No wheels for 32-bit ARM; there tflite_runtime is the only choice."


class InterpreterSession(Session):
    """A model in the Interpreter that LiteRT and tflite-runtime share."""

    # Any: the Interpreter class of whichever library is present
    def __init__(self, interpreter: Any, threads: int, version: str) -> None:
        interpreter.allocate_tensors()
        self.version = version
        self.threads = threads
        self.interpreter = interpreter
        self.input_details = interpreter.get_input_details()
        self.output_details = interpreter.get_output_details()
        self.inputs = tuple(_tensor(item) for item in self.input_details)
        self.outputs = tuple(_tensor(item) for item in self.output_details)

    def details(self) -> Dict[str, str]:
        """Threads and the delegate that the interpreter applies by itself on a CPU."""
        return {"threads": str(self.threads), "delegate": "XNNPACK (default)"}

    def run(self, inputs: List[Any]) -> List[Any]:  # Any: numpy arrays
        """Copies the inputs in, invokes, copies the outputs out."""
        interpreter = self.interpreter
        for item, value in zip(self.input_details, inputs):
            interpreter.set_tensor(item["index"], value)
        interpreter.invoke()
        return [interpreter.get_tensor(item["index"]) for item in self.output_details]

    def run_bound(self) -> None:
        """Invokes on the inputs in place."""
        self.interpreter.invoke()


def _tensor(item: Dict[str, Any]) -> Tensor:  # Any: the interpreter's own dictionary
    import numpy

    signature = item.get("shape_signature")
    shape = signature if signature is not None and len(signature) else item["shape"]
    scale, zero_point = item["quantization"]
    return Tensor(
        item["name"],
        tuple(int(size) for size in shape),
        numpy.dtype(item["dtype"]).name,
        float(scale),
        int(zero_point),
    )


def load(model_path: str, threads: int) -> Session:
    """Imports LiteRT and reads the model."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=model_path, num_threads=threads)
    return InterpreterSession(interpreter, threads, distribution_version(DISTRIBUTIONS[0]))
