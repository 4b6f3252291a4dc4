"""OpenVINO on the CPU."""

from __future__ import annotations

import os
from typing import Any, Dict, List

from .contract import Session, Tensor

NAME = "openvino"
TITLE = "OpenVINO"
FORMATS = ("openvino", "onnx", "tflite")
DISTRIBUTIONS = ("openvino",)
VERSION = ""
NOTE = "Float models run in float32 here; the library's own default is bfloat16 where it can."


class OpenVinoSession(Session):
    """A compiled model with one inference request."""

    def __init__(self, library: Any, model_path: str, threads: int) -> None:  # Any: the library
        core = library.Core()
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "f32",
        }
        compiled = core.compile_model(core.read_model(model_path), "CPU", settings)
        self.version = str(library.__version__).split("-")[0]
        self.compiled = compiled
        self.request = compiled.create_infer_request()
        self.inputs = tuple(_tensor(port, i) for i, port in enumerate(compiled.inputs))
        self.outputs = tuple(_tensor(port, i) for i, port in enumerate(compiled.outputs))

    def details(self) -> Dict[str, str]:
        """Device, threads and precision as the compiled model reports them."""
        get = self.compiled.get_property
        return {
            "device": ", ".join(get("EXECUTION_DEVICES")),
            "threads": str(get("INFERENCE_NUM_THREADS")),
            "precision_hint": str(get("INFERENCE_PRECISION_HINT")),
        }

    def run(self, inputs: List[Any]) -> List[Any]:  # Any: numpy arrays
        """Copies the inputs in, infers, copies the outputs out."""
        results = self.request.infer(dict(enumerate(inputs)))
        return [results[port] for port in self.compiled.outputs]

    def run_bound(self) -> None:
        """Infers on the inputs in place."""
        self.request.infer()


def _tensor(port: Any, position: int) -> Tensor:  # Any: an OpenVINO port
    import numpy

    shape = port.get_partial_shape()
    sizes = tuple(d.get_length() if d.is_static else -1 for d in shape)
    names = sorted(port.get_names())
    dtype = numpy.dtype(port.get_element_type().to_dtype()).name
    return Tensor(names[0] if names else str(position), sizes, dtype)


def load(model_path: str, threads: int) -> Session:
    """Imports OpenVINO with its telemetry off and compiles the model for the CPU."""
    os.environ.setdefault("CI", "true")
    import openvino

    return OpenVinoSession(openvino, model_path, threads)
