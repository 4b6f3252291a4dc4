"""ONNX Runtime on the CPU."""

from __future__ import annotations

import os
from typing import Any, Dict, List

from .contract import Session, Tensor

NAME = "onnxruntime"
TITLE = "ONNX Runtime"
FORMATS = ("onnx",)
DISTRIBUTIONS = ("onnxruntime",)
VERSION = ""
NOTE = "Its worker threads spin between inferences, which disturbs other work on the board."

DTYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int16)": "int16",
    "tensor(uint16)": "uint16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}


class OnnxSession(Session):
    """A model in an InferenceSession."""

    def __init__(self, library: Any, model_path: str, threads: int) -> None:  # Any: the library
        options = library.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        self.version = library.__version__
        self.threads = threads
        self.session = library.InferenceSession(model_path, options, providers=providers)
        self.inputs = tuple(_tensor(item) for item in self.session.get_inputs())
        self.outputs = tuple(_tensor(item) for item in self.session.get_outputs())
        self.names = [tensor.name for tensor in self.inputs]
        self.latest = {}  # type: Dict[str, Any]

    def details(self) -> Dict[str, str]:
        """Threads, the providers in use and the level of graph optimization."""
        return {
            "threads": str(self.threads),
            "providers": ", ".join(self.session.get_providers()),
            "graph_optimization": "all",
            "spinning": "on",
        }

    def run(self, inputs: List[Any]) -> List[Any]:  # Any: numpy arrays
        """Binds the inputs, runs, reads the outputs."""
        self.latest = dict(zip(self.names, inputs))
        return list(self.session.run(None, self.latest))

    def run_bound(self) -> None:
        """Runs on the inputs of the last call."""
        self.session.run(None, self.latest)


def _tensor(item: Any) -> Tensor:  # Any: onnxruntime's NodeArg
    shape = tuple(size if isinstance(size, int) else -1 for size in item.shape)
    return Tensor(item.name, shape, DTYPES.get(item.type, item.type))


def load(model_path: str, threads: int) -> Session:
    """Imports ONNX Runtime with its telemetry off and reads the model."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    return OnnxSession(onnxruntime, model_path, threads)
