"""ONNX Runtime, by default on the CPU."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List

from ..failure import Failure
from ..wire import ERROR_BAD_REQUEST
from .contract import BOUND, COPIED, NATIVE, Options, Profile, Session, Tensor, choose

NAME = "onnxruntime"
TITLE = "ONNX Runtime"
FORMATS = ("onnx",)
DISTRIBUTIONS = ("onnxruntime",)
PREINSTALLED = False
OPTIONS = {
    "provider": (),
    "spinning": ("on", "off"),
    "optimization": ("all", "extended", "basic", "off"),
    "denormals": ("keep", "zero"),
}
VARIANTS = (COPIED, BOUND, NATIVE)
VERSION = ""
NOTE = "Its worker threads spin between inferences, which disturbs other work on the board."

CPU = "CPUExecutionProvider"
LEVELS = {
    "all": "ORT_ENABLE_ALL",
    "extended": "ORT_ENABLE_EXTENDED",
    "basic": "ORT_ENABLE_BASIC",
    "off": "ORT_DISABLE_ALL",
}
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

    # Any: the library
    def __init__(
        self, library: Any, model_path: str, threads: int, chosen: Dict[str, str]
    ) -> None:
        self.library = library
        self.model_path = model_path
        self.version = library.__version__
        self.threads = threads
        self.chosen = chosen
        self.provider = chosen["provider"] or CPU
        self.session = library.InferenceSession(
            model_path, self.settings(), providers=self._providers()
        )
        self.inputs = tuple(_tensor(item) for item in self.session.get_inputs())
        self.outputs = tuple(_tensor(item) for item in self.session.get_outputs())
        self.names = [tensor.name for tensor in self.inputs]
        self.binding = None  # type: Any  # Any: an IOBinding
        self.bound: List[Any] = []  # Any: numpy arrays that the engine reads

    def settings(self) -> Any:  # Any: onnxruntime's SessionOptions
        """The session's options; where each node runs is recorded, which costs nothing later."""
        options = self.library.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        level = LEVELS[self.chosen["optimization"]]
        options.graph_optimization_level = getattr(self.library.GraphOptimizationLevel, level)
        spinning = "1" if self.chosen["spinning"] == "on" else "0"
        options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
        if self.chosen["denormals"] == "zero":
            options.add_session_config_entry("session.set_denormal_as_zero", "1")
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        return options

    def _providers(self) -> List[str]:
        available = self.library.get_available_providers()
        if self.provider not in available:
            raise Failure(
                ERROR_BAD_REQUEST,
                "this build of ONNX Runtime has no %s; it has: %s"
                % (self.provider, ", ".join(available)),
            )
        return [self.provider] if self.provider == CPU else [self.provider, CPU]

    def details(self) -> Dict[str, str]:
        """Threads, the providers in use, graph optimization, spinning."""
        return {
            "threads": str(self.threads),
            "providers": ", ".join(self.session.get_providers()),
            "graph_optimization": self.chosen["optimization"],
            "spinning": self.chosen["spinning"],
            "denormals": self.chosen["denormals"],
        }

    def placement(self) -> Dict[str, int]:
        """Nodes per execution provider, before the optimizer fuses them."""
        try:
            parts = self.session.get_provider_graph_assignment_info()
        except (AttributeError, RuntimeError):
            return {}
        counts: Dict[str, int] = {}
        for part in parts:
            counts[part.ep_name] = counts.get(part.ep_name, 0) + len(part.get_nodes())
        return counts

    def fallback(self) -> str:
        """Nodes that the chosen provider left to the CPU, or the whole session."""
        if self.provider == CPU:
            return ""
        if self.provider not in self.session.get_providers():
            return "%s could not be started; everything runs on the CPU" % self.provider
        placed = self.placement()
        left = sum(count for where, count in placed.items() if where != self.provider)
        total = sum(placed.values())
        return "%d of %d nodes run outside %s" % (left, total, self.provider) if left else ""

    def run(self, inputs: List[Any]) -> List[Any]:  # Any: numpy arrays
        """Runs on the inputs, gives new outputs."""
        return list(self.session.run(None, dict(zip(self.names, inputs))))

    def bind(self, inputs: List[Any]) -> None:  # Any: numpy arrays
        """Binds memory of its own to inputs and outputs."""
        import numpy

        binding = self.session.io_binding()
        self.bound = [numpy.array(value, order="C") for value in inputs]
        for name, value in zip(self.names, self.bound):
            pointer = value.ctypes.data
            binding.bind_input(name, "cpu", 0, value.dtype, value.shape, pointer)
        for tensor in self.outputs:
            binding.bind_output(tensor.name, "cpu")
        self.binding = binding

    def run_bound(self, inputs: List[Any]) -> List[Any]:  # Any: numpy arrays
        """Writes the inputs into the bound memory and runs on it."""
        for place, value in zip(self.bound, inputs):
            place[...] = value
        self.session.run_with_iobinding(self.binding)
        return [value.numpy() for value in self.binding.get_outputs()]

    def native(self) -> Callable[[], Any]:  # Any: None
        """``run_with_iobinding`` on what is bound."""
        session, binding = self.session, self.binding
        return lambda: session.run_with_iobinding(binding)

    def profile(self, inputs: List[Any], runs: int) -> Profile:  # Any: numpy arrays
        """The profiler's kernel times, from a session of its own."""
        from ..onnx_profile import profile_session

        return profile_session(self, inputs, runs)


def _tensor(item: Any) -> Tensor:  # Any: onnxruntime's NodeArg
    shape = tuple(size if isinstance(size, int) else -1 for size in item.shape)
    return Tensor(item.name, shape, DTYPES.get(item.type, item.type))


def library() -> Any:  # Any: the module
    """Imports ONNX Runtime with its telemetry off."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    return onnxruntime


def load(model_path: str, threads: int, options: Options = None) -> Session:
    """Reads the model."""
    return OnnxSession(library(), model_path, threads, choose(options, OPTIONS, TITLE))
