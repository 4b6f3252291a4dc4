"""Stands in for NVIDIA's ``tensorrt`` module, 10 and 11: the calls that the engine file makes.

A "model" is JSON: {"inputs": [[name, shape]], "outputs": [[name, shape]]}, all float32; the
"inference" gives each output twice its input. Wrong use fails as the real library does: a
name that does not exist, an address that was not set, a shape outside the profile.
"""

from __future__ import annotations

import ctypes
import enum
import json
from types import ModuleType
from typing import Any

import numpy


class TensorIOMode(enum.Enum):
    INPUT = 1
    OUTPUT = 2


class MemoryPoolType(enum.Enum):
    WORKSPACE = 0


class LayerInformationFormat(enum.Enum):
    JSON = 1


class BuilderFlag10(enum.Enum):
    FP16 = 0
    INT8 = 1


class BuilderFlag11(enum.Enum):
    TF32 = 0


class Logger:
    WARNING = 2

    def __init__(self, severity: int) -> None:
        self.severity = severity


class IProfiler:
    def report_layer_time(self, layer_name: str, ms: float) -> None:
        raise NotImplementedError


class NetworkTensor:
    def __init__(self, name: str, shape: list[int]) -> None:
        self.name = name
        self.shape = tuple(shape)


class Network:
    def __init__(self) -> None:
        self.model: dict[str, Any] = {"inputs": [], "outputs": []}  # Any: JSON

    @property
    def num_inputs(self) -> int:
        return len(self.model["inputs"])

    def get_input(self, index: int) -> NetworkTensor:
        return NetworkTensor(*self.model["inputs"][index])


class ParserError:
    def __init__(self, text: str) -> None:
        self.text = text

    def desc(self) -> str:
        return self.text


class OnnxParser:
    def __init__(self, network: Network, logger: Logger) -> None:
        self.network = network
        self.errors: list[ParserError] = []

    @property
    def num_errors(self) -> int:
        return len(self.errors)

    def get_error(self, index: int) -> ParserError:
        return self.errors[index]

    def parse(self, model: bytes) -> bool:
        try:
            self.network.model = json.loads(model)
        except ValueError:
            self.errors.append(ParserError("failed to parse ONNX model"))
            return False
        return True


class Config:
    def __init__(self) -> None:
        self.pools: dict[MemoryPoolType, int] = {}
        self.flags: list[enum.Enum] = []
        self.profiles: list[Profile] = []

    def set_memory_pool_limit(self, pool: MemoryPoolType, size: int) -> None:
        self.pools[pool] = size

    def set_flag(self, flag: enum.Enum) -> None:
        self.flags.append(flag)

    def add_optimization_profile(self, profile: Profile) -> int:
        self.profiles.append(profile)
        return len(self.profiles) - 1


class Profile:
    def __init__(self) -> None:
        self.shapes: dict[str, tuple[Any, Any, Any]] = {}  # Any: shapes

    def set_shape(self, name: str, low: Any, best: Any, high: Any) -> None:  # Any: shapes
        self.shapes[name] = (low, best, high)


class Builder:
    built = 0
    """How many engines were built: a cached plan builds none."""

    def __init__(self, logger: Logger) -> None:
        self.logger = logger

    def create_network(self, flags: int = 0) -> Network:
        if flags:
            raise TypeError("explicit batch is the only mode")
        return Network()

    def create_builder_config(self) -> Config:
        return Config()

    def create_optimization_profile(self) -> Profile:
        return Profile()

    def build_serialized_network(self, network: Network, config: Config) -> bytes | None:
        dynamic = any(size < 0 for _, shape in network.model["inputs"] for size in shape)
        if dynamic and not config.profiles:
            return None  # "network has dynamic or shape inputs, but no optimization profile"
        Builder.built += 1
        ranges = config.profiles[0].shapes if config.profiles else {}
        flags = [str(flag) for flag in config.flags]
        return json.dumps(network.model | {"ranges": ranges, "flags": flags}).encode()


class Inspector:
    def get_engine_information(self, form: LayerInformationFormat) -> str:
        return json.dumps({"Layers": ["conv + relu", "/head/Gemm"]})


class Context:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        self.profiler: IProfiler | None = None

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        limits = self.engine.model["ranges"].get(name)
        fixed = tuple(self.engine.get_tensor_shape(name))
        if limits is None and tuple(shape) != fixed:
            return False
        if limits and not all(
            a <= s <= b for a, s, b in zip(limits[0], shape, limits[2], strict=True)
        ):
            return False
        self.shapes[name] = tuple(shape)
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        batch = next(iter(self.shapes.values()))[0]
        shape = self.engine.get_tensor_shape(name)
        return self.shapes.get(name) or tuple(batch if size < 0 else size for size in shape)

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.engine.get_tensor_shape(name)
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        names = [name for name, _ in self.engine.model["inputs"] + self.engine.model["outputs"]]
        if stream != 5 or any(name not in self.addresses for name in names):
            return False
        pairs = zip(self.engine.model["inputs"], self.engine.model["outputs"], strict=True)
        for (source, _), (target, _) in pairs:
            size = int(numpy.prod(self.get_tensor_shape(source)))
            floats = ctypes.c_float * size
            read = floats.from_address(self.addresses[source])
            made = floats.from_address(self.addresses[target])
            for i in range(size):
                made[i] = read[i] * 2
        if self.profiler:
            self.profiler.report_layer_time("conv + relu", 0.25)
            self.profiler.report_layer_time("/head/Gemm", 0.75)
        return True


class Engine:
    def __init__(self, model: dict[str, Any]) -> None:  # Any: JSON
        self.model = model
        self.tensors = dict((*model["inputs"], *model["outputs"]))

    @property
    def num_io_tensors(self) -> int:
        return len(self.tensors)

    def get_tensor_name(self, index: int) -> str:
        return str(list(self.tensors)[index])

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        is_input = name in dict(self.model["inputs"])
        return TensorIOMode.INPUT if is_input else TensorIOMode.OUTPUT

    def get_tensor_shape(self, name: str) -> list[int]:
        return list(map(int, self.tensors[name]))

    def get_tensor_dtype(self, name: str) -> str:
        return "FLOAT"

    def create_execution_context(self) -> Context:
        return Context(self)

    def create_engine_inspector(self) -> Inspector:
        return Inspector()


class Runtime:
    def __init__(self, logger: Logger) -> None:
        self.logger = logger

    def deserialize_cuda_engine(self, plan: bytes) -> Engine | None:
        try:
            return Engine(json.loads(plan))
        except ValueError:
            return None


def nptype(dtype: str) -> type[numpy.generic]:
    return {"FLOAT": numpy.float32}[dtype]


def tensorrt_library(version: str) -> ModuleType:
    """The module as ``import tensorrt`` would give it."""
    library = ModuleType("tensorrt")
    is_eleven = version.startswith("11")
    names = {
        "__version__": version,
        "BuilderFlag": BuilderFlag11 if is_eleven else BuilderFlag10,
        "TensorIOMode": TensorIOMode,
        "MemoryPoolType": MemoryPoolType,
        "LayerInformationFormat": LayerInformationFormat,
        "Logger": Logger,
        "IProfiler": IProfiler,
        "OnnxParser": OnnxParser,
        "Builder": Builder,
        "Runtime": Runtime,
        "nptype": nptype,
    }
    for name, value in names.items():
        setattr(library, name, value)
    return library
