"""What an engine file must offer. Host and board both read it; neither imports the library for it.

Module constants:
    NAME           id, equal to the file's stem
    TITLE          how people call it
    FORMATS        artifact formats it runs: tflite, onnx, openvino
    DISTRIBUTIONS  names on the package index, the engine's own first; empty for built-in ones
    NOTE           what a person should know before choosing it

Module function:
    load(model_path, threads) -> Session   imports the library, reads the model
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Tuple


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


class Session:
    """A loaded model.

    ``run`` copies fresh inputs in and reads outputs out, as an application does. ``run_bound``
    repeats the inference on the inputs that are already in place and leaves the outputs there.
    """

    version = ""
    inputs = ()  # type: Tuple[Tensor, ...]
    outputs = ()  # type: Tuple[Tensor, ...]

    def details(self) -> Dict[str, str]:
        """Threads, providers, delegates and precision as the engine reports them."""
        return {}

    def run(self, inputs: List[Any]) -> List[Any]:  # Any: numpy arrays
        """One inference: arrays of the inputs' shapes and dtypes in, arrays out."""
        raise NotImplementedError

    def run_bound(self) -> None:
        """One inference without copying; needs an earlier :meth:`run`."""
        raise NotImplementedError
