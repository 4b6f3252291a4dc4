"""TensorRT 10 and 11 on an NVIDIA GPU. Not run on hardware yet: tested against a stand-in.

A TensorRT engine fits one GPU and one library version only, so the board builds it from the ONNX
model when it is first loaded and keeps it in ``~/.edgekit/cache``; a ready ``.plan`` is taken as
it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import Any, Callable, Dict, List, Tuple

from ..cuda import Cuda
from ..failure import Failure
from ..wire import ERROR_BAD_REQUEST, ERROR_ENGINE_FAILED, HOME_FOLDER
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

NAME = "tensorrt"
TITLE = "TensorRT"
FORMATS = ("onnx", "plan")
DISTRIBUTIONS = ("tensorrt",)
PREINSTALLED = True
OPTIONS = {"precision": ("f32", "f16"), "max_batch": (), "workspace_mb": ()}
VARIANTS = (COPIED, BOUND, NATIVE)
VERSION = ""
NOTE = "Comes with JetPack; builds its engine on the board. Not run on hardware yet."

CACHE_FOLDER = "cache/tensorrt"
DEFAULT_MAX_BATCH = 8
DEFAULT_WORKSPACE_MB = 512


class TensorRtSession(Session):
    """An execution context with device memory for every input and output."""

    # Any: the library
    def __init__(self, library: Any, model_path: str, chosen: Dict[str, str]) -> None:
        self.library = library
        self.version = str(library.__version__)
        self.chosen = chosen
        self.logger = library.Logger(library.Logger.WARNING)
        plan = _plan(library, self.logger, model_path, chosen)
        self.runtime = library.Runtime(self.logger)
        self.engine = self.runtime.deserialize_cuda_engine(plan)
        if self.engine is None:
            raise Failure(
                ERROR_ENGINE_FAILED,
                "TensorRT cannot read the engine: it was built by another version or GPU",
                "remove it on the board: rm -r ~/%s/%s" % (HOME_FOLDER, CACHE_FOLDER),
            )
        self.context = self.engine.create_execution_context()
        self.cuda = Cuda()
        names = [self.engine.get_tensor_name(i) for i in range(self.engine.num_io_tensors)]
        is_input = library.TensorIOMode.INPUT
        tensors = [(self._tensor(name), self.engine.get_tensor_mode(name)) for name in names]
        self.inputs = tuple(tensor for tensor, mode in tensors if mode == is_input)
        self.outputs = tuple(tensor for tensor, mode in tensors if mode != is_input)
        self.results: List[Any] = []  # Any: numpy arrays
        self.places: Dict[str, int] = {}
        self.batch = 1
        self._place()

    def _tensor(self, name: str) -> Tensor:
        import numpy

        shape = tuple(int(size) for size in self.engine.get_tensor_shape(name))
        dtype = numpy.dtype(self.library.nptype(self.engine.get_tensor_dtype(name))).name
        return Tensor(name, shape, dtype)

    def _place(self) -> None:
        """Sets the shapes and gives every tensor its memory on the device."""
        import numpy

        self.cuda.free()
        for tensor in self.inputs:
            shape = tuple(self.batch if size < 0 else size for size in tensor.shape)
            if not self.context.set_input_shape(tensor.name, shape):
                text = "TensorRT refuses the shape %s of input %s" % (list(shape), tensor.name)
                raise Failure(ERROR_ENGINE_FAILED, text)
        self.results = []
        for tensor in self.inputs + self.outputs:
            shape = tuple(int(size) for size in self.context.get_tensor_shape(tensor.name))
            array = numpy.empty(shape, tensor.dtype)
            self.places[tensor.name] = self.cuda.allocate(array.nbytes)
            self.context.set_tensor_address(tensor.name, self.places[tensor.name])
            if tensor in self.outputs:
                self.results.append(array)

    def details(self) -> Dict[str, str]:
        """Precision and device; TensorRT uses no CPU threads."""
        return {"device": "GPU", "precision": self.chosen["precision"], "threads": "0"}

    def placement(self) -> Dict[str, int]:
        """Layers of the built engine, after fusion."""
        layers = _layers(self.library, self.engine)
        return {"GPU": len(layers)} if layers else {}

    def set_batch(self, size: int) -> None:
        """Changes the shapes within the range that the engine was built for."""
        require_free_batch(self.inputs, size)
        self.batch = size
        self._place()

    def run(self, inputs: List[Any]) -> List[Any]:  # Any: numpy arrays
        """Copies to the device, runs, copies new outputs back, waits."""
        self.run_bound(inputs)
        return [array.copy() for array in self.results]

    def bind(self, inputs: List[Any]) -> None:  # Any: numpy arrays
        """Copies the inputs to the device."""
        for tensor, value in zip(self.inputs, inputs):
            self.cuda.to_device(self.places[tensor.name], _contiguous(value))
        self.cuda.wait()

    def run_bound(self, inputs: List[Any]) -> List[Any]:  # Any: numpy arrays
        """Copies to the device, runs, copies into kept outputs, waits."""
        kept = [_contiguous(value) for value in inputs]
        for tensor, value in zip(self.inputs, kept):
            self.cuda.to_device(self.places[tensor.name], value)
        self._enqueue()
        for tensor, array in zip(self.outputs, self.results):
            self.cuda.to_host(array, self.places[tensor.name])
        self.cuda.wait()
        return self.results

    def native(self) -> Callable[[], Any]:  # Any: None
        """The computation alone, waited for."""

        def compute() -> None:
            self._enqueue()
            self.cuda.wait()

        return compute

    def _enqueue(self) -> None:
        if not self.context.execute_async_v3(self.cuda.stream):
            raise Failure(ERROR_ENGINE_FAILED, "TensorRT failed to start the inference")

    def profile(self, inputs: List[Any], runs: int) -> Profile:  # Any: numpy arrays
        """Layer times by the library's own profiler interface."""
        from ..counters import mean_counters

        found: List[OperationTime] = []

        class Listener(self.library.IProfiler):  # type: ignore[name-defined,misc]  # no types
            def __init__(self) -> None:
                super().__init__()

            def report_layer_time(self, layer_name: str, ms: float) -> None:
                found.append(OperationTime(layer_name, _kind(layer_name), "GPU", ms * 1e6))

        self.context.profiler = Listener()

        def once() -> Tuple[int, List[OperationTime]]:
            found.clear()
            begin = time.perf_counter_ns()
            self.run_bound(inputs)
            return time.perf_counter_ns() - begin, list(found)

        return mean_counters("TensorRT layer profiler", once, runs)


def _kind(layer_name: str) -> str:
    """A layer's type as far as its name tells: TensorRT fuses layers and joins their names."""
    return layer_name.rpartition("/")[2].partition(" ")[0] or layer_name


def _contiguous(value: Any) -> Any:  # Any: numpy arrays
    import numpy

    return numpy.ascontiguousarray(value)


def _plan(library: Any, logger: Any, model_path: str, chosen: Dict[str, str]) -> Any:
    """The serialized engine: as shipped, from the cache, or built now. Any: the library's."""
    with open(model_path, "rb") as stream:
        model = stream.read()
    if model_path.endswith((".plan", ".engine")):
        return model
    settings = json.dumps([str(library.__version__), _device_key(), sorted(chosen.items())])
    key = hashlib.sha256(model + settings.encode()).hexdigest()
    folder = os.path.join(os.path.expanduser("~"), HOME_FOLDER, CACHE_FOLDER)
    path = os.path.join(folder, key + ".plan")
    if os.path.exists(path):
        with open(path, "rb") as stream:
            return stream.read()
    plan = _build(library, logger, model, chosen)
    os.makedirs(folder, exist_ok=True)
    part = "%s.%d.part" % (path, os.getpid())
    with open(part, "wb") as stream:
        stream.write(plan)
    os.replace(part, path)
    return plan


def _build(library: Any, logger: Any, model: bytes, chosen: Dict[str, str]) -> Any:
    """Parses the ONNX model and builds an engine for this GPU. Any: the library's objects."""
    builder = library.Builder(logger)
    network = builder.create_network(0)
    parser = library.OnnxParser(network, logger)
    if not parser.parse(model):
        said = [parser.get_error(i).desc() for i in range(parser.num_errors)]
        raise Failure(ERROR_ENGINE_FAILED, "TensorRT refuses the model: " + "; ".join(said)[:500])
    config = builder.create_builder_config()
    workspace = int(chosen["workspace_mb"] or DEFAULT_WORKSPACE_MB) << 20
    config.set_memory_pool_limit(library.MemoryPoolType.WORKSPACE, workspace)
    if chosen["precision"] == "f16":
        flag = getattr(library.BuilderFlag, "FP16", None)
        if flag is None:
            raise Failure(
                ERROR_BAD_REQUEST,
                "TensorRT %s takes the precision from the model" % library.__version__,
                "convert with --recipe fp16 instead of precision=f16",
            )
        config.set_flag(flag)
    quantized = getattr(library.BuilderFlag, "INT8", None)
    if quantized is not None and b"DequantizeLinear" in model:
        config.set_flag(quantized)  # 10 wants to be told, 11 takes the types from the model
    _add_batches(builder, network, config, int(chosen["max_batch"] or DEFAULT_MAX_BATCH))
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise Failure(
            ERROR_ENGINE_FAILED,
            "TensorRT could not build an engine for this GPU; its log is above",
            "give it more memory: --engine-option workspace_mb=1024",
        )
    return plan


def _add_batches(builder: Any, network: Any, config: Any, largest: int) -> None:
    """A profile for batches 1 to the largest, where an input has free dimensions."""
    inputs = [network.get_input(i) for i in range(network.num_inputs)]
    if all(size >= 0 for tensor in inputs for size in tensor.shape):
        return
    profile = builder.create_optimization_profile()
    for tensor in inputs:
        low = tuple(1 if size < 0 else size for size in tensor.shape)
        high = tuple(largest if size < 0 else size for size in tensor.shape)
        profile.set_shape(tensor.name, low, low, high)
    config.add_optimization_profile(profile)


def _layers(library: Any, engine: Any) -> List[Any]:  # Any: JSON
    inspector = engine.create_engine_inspector()
    text = inspector.get_engine_information(library.LayerInformationFormat.JSON)
    try:
        return list(json.loads(text).get("Layers", []))
    except (ValueError, AttributeError):
        return []


def _device_key() -> str:
    """What this GPU is, as far as files tell; another GPU needs another engine."""
    for path in ("/proc/device-tree/model", "/proc/driver/nvidia/gpus"):
        if os.path.isdir(path):
            return ",".join(sorted(os.listdir(path)))
        if os.path.exists(path):
            with open(path, "rb") as stream:
                return stream.read().decode("utf-8", "replace")
    return ""


def library() -> Any:  # Any: the module
    """Imports TensorRT."""
    import tensorrt

    return tensorrt


def load(model_path: str, threads: int, options: Options = None) -> Session:
    """Builds or reads the engine."""
    return TensorRtSession(library(), model_path, choose(options, OPTIONS, TITLE))
