"""What an engine file must offer. Host and board both read it; neither imports the library for it.

Module constants:
    NAME           id, equal to the file's stem
    TITLE          how people call it
    FORMATS        artifact formats it runs: tflite, onnx, openvino
    DISTRIBUTIONS  names on the package index, the engine's own first; empty for built-in ones
    PREINSTALLED   True when the library comes with the board's system, not from wheels
    OPTIONS        settings of its own, name to (allowed values; empty allows any), first = default
    VARIANTS       ways to feed it, of VARIANTS below
    NOTE           what a person should know before choosing it

Module functions:
    library()                                  imports the library: the time of phase ``import``
    load(model_path, threads, options) -> Session   reads the model
"""

from __future__ import annotations

import difflib
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..failure import Failure
from ..wire import ERROR_BAD_REQUEST

COPIED = "copied"
"""Fresh inputs through the engine's plain interface, outputs read: what an application does."""
BOUND = "bound"
"""Fresh inputs written into memory that the engine keeps, outputs read in place: no extra copy."""
NATIVE = "native"
"""Inputs put in place once, then the inference alone: what the engines' own tools measure."""

Options = Optional[Mapping[str, str]]
Choices = Mapping[str, Sequence[str]]


class Tensor(NamedTuple):
    """An input or output of a loaded model."""

    name: str
    shape: Tuple[int, ...]
    """-1 for a free dimension."""
    dtype: str
    """numpy's name."""
    scale: float = 0.0
    """Quantization step; 0 when the tensor is not quantized."""
    zero_point: int = 0


class OperationTime(NamedTuple):
    """Time of one operation in one inference."""

    name: str
    type: str
    where: str
    """Kernel, provider or delegate that ran it."""
    ns: float


class Profile(NamedTuple):
    """Times per operation, and how they were had."""

    method: str
    operations: List[OperationTime]
    total_ns: float
    """One inference while it was profiled."""


class Session:
    """A loaded model."""

    version = ""
    inputs = ()  # type: Tuple[Tensor, ...]
    outputs = ()  # type: Tuple[Tensor, ...]

    def details(self) -> Dict[str, str]:
        """Threads, providers, delegates and precision as the engine reports them."""
        return {}

    def placement(self) -> Dict[str, int]:
        """Where how many operations run; empty when the engine does not say."""
        return {}

    def fallback(self) -> str:
        """What was asked for and is not, or not wholly, in use; empty when all is as asked."""
        return ""

    def set_batch(self, size: int) -> None:
        """Prepares for ``size`` samples per inference; needs a free first dimension.

        Raises:
            Failure: the model's batch is fixed.
        """
        require_free_batch(self.inputs, size)

    def run(self, inputs: List[Any]) -> List[Any]:  # Any: numpy arrays
        """One inference: arrays of the inputs' shapes and dtypes in, arrays out."""
        raise NotImplementedError

    def bind(self, inputs: List[Any]) -> None:  # Any: numpy arrays
        """Puts inputs into the engine's own memory, for :meth:`run_bound` and `run_native`."""
        raise NotImplementedError

    def run_bound(self, inputs: List[Any]) -> List[Any]:  # Any: numpy arrays
        """Like :meth:`run` through bound memory; let the outputs go before the next run."""
        raise NotImplementedError

    def native(self) -> Callable[[], Any]:  # Any: the engine's own answer, not read
        """The engine's own call for one inference on the inputs in place, nothing around it."""
        raise NotImplementedError

    # Any: numpy arrays
    def profile(self, inputs: List[Any], runs: int) -> Profile:
        """Times per operation over some runs; a session that was profiled is not for timing.

        Raises:
            Failure: the engine cannot tell.
        """
        raise Failure(ERROR_BAD_REQUEST, "the engine tells no times per operation")


def choose(options: Options, known: Choices, title: str) -> Dict[str, str]:
    """The options completed with the defaults.

    Raises:
        Failure: an unknown name, or a value that is not allowed.
    """
    chosen = {name: values[0] if values else "" for name, values in known.items()}
    for name, value in (options or {}).items():
        if name not in known:
            raise Failure(
                ERROR_BAD_REQUEST,
                "%s has no option %r; it has: %s" % (title, name, ", ".join(known) or "none"),
                did_you_mean(name, known),
            )
        allowed = known[name]
        if len(allowed) > 1 and value not in allowed:
            raise Failure(
                ERROR_BAD_REQUEST,
                "%s: %s=%s is not one of %s" % (title, name, value, ", ".join(allowed)),
                did_you_mean(value, allowed),
            )
        chosen[name] = value
    return chosen


def did_you_mean(word: str, known: Any) -> str:  # Any: an iterable of names
    """A hint with the nearest known name, or empty."""
    near = difflib.get_close_matches(word, list(known), 1)
    return "did you mean %s?" % near[0] if near else ""


def require_free_batch(inputs: Sequence[Tensor], size: int) -> None:
    """Refuses a batch where the model has none.

    Raises:
        Failure: an input has no dimension, or its first one is fixed to another size.
    """
    for tensor in inputs:
        if not tensor.shape or tensor.shape[0] not in (-1, size):
            text = "batch %d is not possible: input %s has the fixed shape %s"
            raise Failure(
                ERROR_BAD_REQUEST,
                text % (size, tensor.name, list(tensor.shape)),
                "convert the model with a free first dimension, or use --concurrency %d" % size,
            )
