"""OpenVINO, by default on the CPU."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, List, Tuple

from .contract import (
    BOUND,
    COPIED,
    NATIVE,
    OperationTime,
    Options,
    Profile,
    Session,
    Tensor,
    choose,
    require_free_batch,
)

NAME = "openvino"
TITLE = "OpenVINO"
FORMATS = ("openvino", "onnx", "tflite")
DISTRIBUTIONS = ("openvino",)
PREINSTALLED = False
OPTIONS = {"device": (), "precision": ("f32", "f16", "bf16", "library")}
VARIANTS = (COPIED, BOUND, NATIVE)
VERSION = ""
NOTE = "Float models run in float32 here; the library's own default is bfloat16 where it can."

METHOD = "OpenVINO performance counters (1 us steps)"
NOT_OPERATIONS = ("Input", "Output", "Const")
"""Layer types of the runtime model that compute nothing."""


class OpenVinoSession(Session):
    """A compiled model with one inference request."""

    # Any: the library
    def __init__(
        self, library: Any, model_path: str, threads: int, chosen: Dict[str, str]
    ) -> None:
        self.library = library
        self.device = chosen["device"] or "CPU"
        self.settings = {"PERFORMANCE_HINT": "LATENCY"}  # type: Dict[str, Any]  # Any: settings
        if self.device == "CPU":
            self.settings.update(INFERENCE_NUM_THREADS=threads, NUM_STREAMS=1)
        if chosen["precision"] != "library":
            self.settings["INFERENCE_PRECISION_HINT"] = chosen["precision"]
        self.core = library.Core()
        self.model = self.core.read_model(model_path)
        self.version = str(library.__version__).split("-")[0]
        self._compile()

    def _compile(self) -> None:
        self.compiled = self.core.compile_model(self.model, self.device, self.settings)
        self.request = self.compiled.create_infer_request()
        self.inputs = tuple(_tensor(port, i) for i, port in enumerate(self.compiled.inputs))
        self.outputs = tuple(_tensor(port, i) for i, port in enumerate(self.compiled.outputs))
        self.bound: List[Any] = []  # Any: numpy arrays over the request's memory

    def details(self) -> Dict[str, str]:
        """Device, threads and precision as the compiled model reports them."""
        found = {"device": self._property("EXECUTION_DEVICES")}
        for name in ("INFERENCE_NUM_THREADS", "INFERENCE_PRECISION_HINT", "NUM_STREAMS"):
            found[name.lower().replace("inference_num_", "")] = self._property(name)
        found["precision_hint"] = found.pop("inference_precision_hint")
        found["streams"] = found.pop("num_streams")
        return found

    def _property(self, name: str) -> str:
        try:
            value = self.compiled.get_property(name)
        except RuntimeError:
            return "not told by %s" % self.device
        if isinstance(value, list):
            return ", ".join(value)
        return str(value.get_type_name() if hasattr(value, "get_type_name") else value)

    def placement(self) -> Dict[str, int]:
        """Operations per device and precision, after fusion."""
        counts: Dict[str, int] = {}
        device = self._property("EXECUTION_DEVICES")
        for operation in self.compiled.get_runtime_model().get_ordered_ops():
            info = operation.get_rt_info()
            if _text(info, "layerType") in NOT_OPERATIONS:
                continue
            where = "%s %s" % (device, _text(info, "runtimePrecision") or "?")
            counts[where] = counts.get(where, 0) + 1
        return counts

    def fallback(self) -> str:
        """Another device than the one that was asked for."""
        used = self._property("EXECUTION_DEVICES")
        if self.device.split(".")[0] in used:
            return ""
        return "%s was asked for, %s runs the model" % (self.device, used)

    def set_batch(self, size: int) -> None:
        """Compiles the model again for that batch."""
        require_free_batch(self.inputs, size)
        shapes = {}
        for i, tensor in enumerate(self.inputs):
            shapes[i] = [size] + [1 if length < 0 else length for length in tensor.shape[1:]]
        self.model.reshape(shapes)
        self._compile()

    def run(self, inputs: List[Any]) -> List[Any]:  # Any: numpy arrays
        """Copies the inputs in, infers, copies the outputs out."""
        results = self.request.infer(dict(enumerate(inputs)))
        return [results[port] for port in self.compiled.outputs]

    def bind(self, inputs: List[Any]) -> None:  # Any: numpy arrays
        """Gives the request memory of its own for every input."""
        self.bound = []
        for i, value in enumerate(inputs):
            self.request.set_input_tensor(i, self.library.Tensor(value))
            place = self.request.get_input_tensor(i).data
            place[...] = value
            self.bound.append(place)

    def run_bound(self, inputs: List[Any]) -> List[Any]:  # Any: numpy arrays
        """Writes the inputs into the request's memory, infers, shows the outputs in place."""
        for place, value in zip(self.bound, inputs):
            place[...] = value
        self.request.infer(share_outputs=True)
        get = self.request.get_output_tensor
        return [get(i).data for i in range(len(self.outputs))]

    def native(self) -> Callable[[], Any]:  # Any: the request's results, not read
        """``infer`` on the inputs in place, as benchmark_app does."""
        infer = self.request.infer
        return lambda: infer(share_outputs=True)

    def profile(self, inputs: List[Any], runs: int) -> Profile:  # Any: numpy arrays
        """The performance counters, from a model compiled with them."""
        from ..counters import WARMUP_RUNS, mean_counters, mean_since

        settings = dict(self.settings, PERF_COUNT=True)
        compiled = self.core.compile_model(self.model, self.device, settings)
        request = compiled.create_infer_request()
        given = dict(enumerate(inputs))

        def once() -> Tuple[int, List[OperationTime]]:
            begin = time.perf_counter_ns()
            request.infer(given)
            spent_ns = time.perf_counter_ns() - begin
            return spent_ns, _counters(request)

        if self.device != "CPU":
            return mean_counters(METHOD, once, runs)
        # the CPU's counters are means since the model was compiled, the first inference included
        before = [once() for _ in range(WARMUP_RUNS)][-1][1]
        timed = [once() for _ in range(runs)]
        operations = mean_since(before, WARMUP_RUNS, timed[-1][1], WARMUP_RUNS + runs)
        return Profile(METHOD, operations, sum(ns for ns, _ in timed) / runs)


def _counters(request: Any) -> List[OperationTime]:  # Any: an OpenVINO request
    return [
        OperationTime(
            info.node_name, info.node_type, info.exec_type, info.real_time.total_seconds() * 1e9
        )
        for info in request.profiling_info
        if str(info.status).endswith("EXECUTED")
    ]


def _text(info: Any, key: str) -> str:  # Any: OpenVINO's run-time information
    if key not in info:
        return ""
    value = info[key]
    return str(getattr(value, "value", value))


def _tensor(port: Any, position: int) -> Tensor:  # Any: an OpenVINO port
    import numpy

    shape = port.get_partial_shape()
    sizes = tuple(d.get_length() if d.is_static else -1 for d in shape)
    names = sorted(port.get_names())
    dtype = numpy.dtype(port.get_element_type().to_dtype()).name
    return Tensor(names[0] if names else str(position), sizes, dtype)


def library() -> Any:  # Any: the module
    """Imports OpenVINO with its telemetry off."""
    os.environ.setdefault("CI", "true")
    import openvino

    return openvino


def load(model_path: str, threads: int, options: Options = None) -> Session:
    """Compiles the model for the device."""
    return OpenVinoSession(library(), model_path, threads, choose(options, OPTIONS, TITLE))
