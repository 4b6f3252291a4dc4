"""LiteRT, the successor of TensorFlow Lite (ai-edge-litert)."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Set

from ..failure import Failure
from ..wire import ERROR_ENGINE_FAILED
from . import distribution_version
from .contract import BOUND, COPIED, NATIVE, Options, Profile, Session, Tensor, choose

NAME = "litert"
TITLE = "LiteRT"
FORMATS = ("tflite",)
DISTRIBUTIONS = ("ai-edge-litert",)
PREINSTALLED = False
OPTIONS = {"delegate": ("xnnpack", "none")}
VARIANTS = (COPIED, BOUND, NATIVE)
VERSION = ""
NOTE = "No wheels for 32-bit ARM; there tflite_runtime is the only choice."

DELEGATE = "DELEGATE"
"""How the interpreter names the node that stands for a delegated part of the graph."""


class InterpreterSession(Session):
    """A model in the Interpreter that LiteRT and tflite-runtime share."""

    # Any: the interpreter module of whichever library is present
    def __init__(
        self, library: Any, model_path: str, threads: int, version: str, delegate: str
    ) -> None:
        self.library = library
        self.model_path = model_path
        self.version = version
        self.threads = threads
        self.delegate = delegate
        self.interpreter = self.make(model_path=model_path)
        self._read()

    def make(self, **source: Any) -> Any:  # Any: path or bytes in, an Interpreter out
        """An interpreter with this session's settings, ready to run."""
        settings = dict(source, num_threads=self.threads)
        if self.delegate == "none":
            resolver = self.library.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            settings["experimental_op_resolver_type"] = resolver
        interpreter = self.library.Interpreter(**settings)
        interpreter.allocate_tensors()
        return interpreter

    def _read(self) -> None:
        self.input_details = self.interpreter.get_input_details()
        self.output_details = self.interpreter.get_output_details()
        self.inputs = tuple(_tensor(item) for item in self.input_details)
        self.outputs = tuple(_tensor(item) for item in self.output_details)

    def details(self) -> Dict[str, str]:
        """Threads and whether the CPU delegate is really in use."""
        placed = self.placement()
        if not placed:
            in_use = "unknown: this version does not say"
        else:
            in_use = "XNNPACK" if "XNNPACK" in placed else "none"
        return {"threads": str(self.threads), "delegate": in_use}

    def placement(self) -> Dict[str, int]:
        """Operations in the delegate and in the interpreter's own kernels.

        The interpreter lists every operation and beside them one node per delegated part; an
        operation is delegated when it lies between the inputs and the outputs of such a node.
        """
        try:
            listed = self.interpreter._get_ops_details()
        except AttributeError:
            return {}
        nodes = [op for op in listed if op["op_name"] == DELEGATE]
        operations = [op for op in listed if op["op_name"] != DELEGATE]
        inside = _inside(nodes, operations)
        counts = {"XNNPACK": len(inside), "built-in kernels": len(operations) - len(inside)}
        return {where: count for where, count in counts.items() if count}

    def fallback(self) -> str:
        """Operations that the delegate left to the slower built-in kernels."""
        placed = self.placement()
        left = placed.get("built-in kernels", 0)
        if self.delegate == "none" or not placed or not left:
            return ""
        total = sum(placed.values())
        return "%d of %d operations run outside XNNPACK, in built-in kernels" % (left, total)

    def set_batch(self, size: int) -> None:
        """Resizes the inputs; a part of the graph that fixes the batch refuses."""
        super().set_batch(size)
        for item, tensor in zip(self.input_details, self.inputs):
            shape = [size] + [1 if length < 0 else length for length in tensor.shape[1:]]
            self.interpreter.resize_tensor_input(item["index"], shape)
        try:
            self.interpreter.allocate_tensors()
        except RuntimeError as error:
            text = "the model does not run with batch %d: %s" % (size, error)
            raise Failure(ERROR_ENGINE_FAILED, text) from error

    def run(self, inputs: List[Any]) -> List[Any]:  # Any: numpy arrays
        """Copies the inputs in, invokes, copies the outputs out."""
        interpreter = self.interpreter
        for item, value in zip(self.input_details, inputs):
            interpreter.set_tensor(item["index"], value)
        interpreter.invoke()
        return [interpreter.get_tensor(item["index"]) for item in self.output_details]

    def bind(self, inputs: List[Any]) -> None:  # Any: numpy arrays
        """Copies the inputs into the interpreter's tensors."""
        for item, value in zip(self.input_details, inputs):
            self.interpreter.set_tensor(item["index"], value)

    def run_bound(self, inputs: List[Any]) -> List[Any]:  # Any: numpy arrays
        """Writes the inputs in, invokes, shows the outputs where they lie."""
        interpreter = self.interpreter
        for item, value in zip(self.input_details, inputs):
            interpreter.set_tensor(item["index"], value)
        interpreter.invoke()
        return [interpreter.tensor(item["index"])() for item in self.output_details]

    def native(self) -> Callable[[], Any]:  # Any: None
        """The interpreter's ``invoke``."""
        return self.interpreter.invoke  # type: ignore[no-any-return]  # the library has no types

    def profile(self, inputs: List[Any], runs: int) -> Profile:  # Any: numpy arrays
        """Times prefixes of the graph: the wheel offers no times per operation."""
        from ..prefixes import profile_prefixes

        return profile_prefixes(self, inputs, runs)


# Any: the interpreter's own dictionaries
def _inside(nodes: List[Dict[str, Any]], operations: List[Dict[str, Any]]) -> Set[int]:
    producer = {int(t): i for i, op in enumerate(operations) for t in op["outputs"]}
    inside = set()  # type: Set[int]
    for node in nodes:
        border = {int(tensor) for tensor in node["inputs"]}
        left = [int(tensor) for tensor in node["outputs"]]
        while left:
            tensor = left.pop()
            found = producer.get(tensor)
            if tensor in border or found is None or found in inside:
                continue
            inside.add(found)
            left.extend(int(t) for t in operations[found]["inputs"])
    return inside


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


def library() -> Any:  # Any: the module
    """Imports LiteRT's interpreter."""
    from ai_edge_litert import interpreter

    return interpreter


def load(model_path: str, threads: int, options: Options = None) -> Session:
    """Reads the model."""
    chosen = choose(options, OPTIONS, TITLE)
    version = distribution_version(DISTRIBUTIONS[0])
    return InterpreterSession(library(), model_path, threads, version, chosen["delegate"])
