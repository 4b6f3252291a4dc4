"""Tensors of the Open Inference Protocol v2 as numpy arrays, and back.

Source: https://github.com/kserve/open-inference-protocol, tensor data types.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy
from kserve.errors import InvalidInput

from edgekit.core.suggest import did_you_mean
from edgekit_runner.engines.contract import Tensor
from edgekit_runner.samples import preprocess

DATATYPES = {
    "float32": "FP32",
    "float16": "FP16",
    "float64": "FP64",
    "int8": "INT8",
    "uint8": "UINT8",
    "int16": "INT16",
    "uint16": "UINT16",
    "int32": "INT32",
    "uint32": "UINT32",
    "int64": "INT64",
    "uint64": "UINT64",
    "bool": "BOOL",
}
"""numpy's name to the protocol's."""
DTYPES = {kind: name for name, kind in DATATYPES.items()}
LARGEST_PICTURE_PIXELS = 64_000_000
"""Beyond this a picture is refused before it is decoded."""


class Incoming(NamedTuple):
    """An input as it came."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    raw: bytes | memoryview | None
    """Little-endian bytes; None where values were given one by one."""
    values: Any  # Any: a list of numbers, JSON or protobuf


def to_array(tensor: Incoming) -> Any:  # Any: a numpy array
    """The array of a numeric input; no copy where the bytes are there.

    Raises:
        InvalidInput: datatype, shape and data do not fit together.
    """
    dtype = DTYPES.get(tensor.datatype)
    if dtype is None:
        raise InvalidInput(f"input {tensor.name!r}: datatype {tensor.datatype!r} is not supported")
    try:
        if tensor.raw is None:
            flat = numpy.asarray(tensor.values).ravel().astype(dtype, copy=False)
        else:
            flat = numpy.frombuffer(tensor.raw, dtype=dtype)
        return flat.reshape(tensor.shape)
    except (ValueError, TypeError, OverflowError) as err:
        raise InvalidInput(
            f"input {tensor.name!r}: the data is no {tensor.datatype} of shape "
            f"{list(tensor.shape)}: {err}"
        ) from err


def strings(tensor: Incoming) -> list[bytes]:
    """The elements of a BYTES input.

    Raises:
        InvalidInput: a length points beyond the data.
    """
    if tensor.raw is None:
        return [v if isinstance(v, bytes) else str(v).encode() for v in tensor.values]
    data, at, found = bytes(tensor.raw), 0, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        if at + 4 + size > len(data):
            raise InvalidInput(f"input {tensor.name!r}: an element is longer than the data")
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found


class Preparation:
    """Makes an engine's inputs of a request: pictures by the card's pipeline, tensors as they are."""

    def __init__(self, inputs: Sequence[Tensor], pipeline: dict[str, Any]) -> None:  # Any: JSON
        self.inputs = inputs
        self.pipeline = pipeline

    def arrays(self, tensors: Sequence[Incoming]) -> list[Any]:  # Any: numpy arrays
        """In the order of the engine's inputs.

        Raises:
            InvalidInput: a name, a datatype or a shape is wrong.
        """
        first = tensors[0] if tensors else None
        if first and self.pipeline["kind"] == "image" and len(self.inputs) == 1:
            wants = self.inputs[0].dtype
            if first.datatype == "BYTES":
                return [self._pictures([_decode(e, self.pipeline) for e in strings(first)])]
            if first.datatype == "UINT8" and wants != "uint8":
                size = (self.pipeline["height"], self.pipeline["width"], 3)
                pictures = to_array(first)
                if pictures.shape[-3:] != size:
                    raise InvalidInput(
                        f"input {first.name!r}: expected pictures of shape {list(size)}, got "
                        f"{list(pictures.shape)}"
                    )
                return [self._pictures(list(pictures.reshape((-1, *size))))]
        return self._plain(tensors)

    def is_heavy(self, tensors: Sequence[Incoming]) -> bool:
        """True when there are pictures to prepare, which belongs into another thread."""
        return self.pipeline["kind"] == "image" and any(
            tensor.datatype in ("BYTES", "UINT8") for tensor in tensors
        )

    def _pictures(self, pictures: list[Any]) -> Any:  # Any: numpy arrays
        ready = [preprocess(p, self.pipeline, self.inputs[0]) for p in pictures]
        return ready[0] if len(ready) == 1 else numpy.concatenate(ready)

    def _plain(self, tensors: Sequence[Incoming]) -> list[Any]:  # Any: numpy arrays
        if len(tensors) != len(self.inputs):
            names = ", ".join(tensor.name for tensor in self.inputs)
            raise InvalidInput(f"expected {len(self.inputs)} inputs ({names}), got {len(tensors)}")
        given = {tensor.name: tensor for tensor in tensors}
        is_only_one = len(self.inputs) == 1  # whatever it is called
        unknown = sorted(given.keys() - {spec.name for spec in self.inputs})
        if unknown and not is_only_one:
            known = [spec.name for spec in self.inputs]
            raise InvalidInput(
                f"there is no input {unknown[0]!r}; {did_you_mean(unknown[0], known)}"
            )
        if len(given) != len(tensors):
            raise InvalidInput("an input was sent twice")
        chosen = tensors if is_only_one else [given[spec.name] for spec in self.inputs]
        found = []
        for spec, tensor in zip(self.inputs, chosen, strict=True):
            array = to_array(tensor)
            if array.dtype.name != spec.dtype:
                raise InvalidInput(
                    f"input {spec.name!r}: expected {DATATYPES.get(spec.dtype, spec.dtype)}, got "
                    f"{tensor.datatype}"
                )
            if not fits(array.shape, spec.shape):
                raise InvalidInput(
                    f"input {spec.name!r}: expected shape {list(spec.shape)}, got "
                    f"{list(array.shape)}"
                )
            found.append(array)
        return found


def fits(shape: Sequence[int], wanted: Sequence[int]) -> bool:
    """Whether an array can be given to an input; its first dimension may be smaller (a batch)."""
    if len(shape) != len(wanted):
        return False
    if any(w not in (-1, s) for s, w in zip(shape[1:], wanted[1:], strict=True)):
        return False
    return not shape or wanted[0] in (-1, shape[0]) or 0 < shape[0] < wanted[0]


def _decode(data: bytes, pipeline: dict[str, Any]) -> Any:  # Any: JSON, a numpy array
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > LARGEST_PICTURE_PIXELS:
                raise InvalidInput(f"a picture of {image.width} x {image.height} is too large")
            image.draft("RGB", (pipeline["width"], pipeline["height"]))  # JPEG: at reduced size
            picture = image.convert("RGB")
    except (OSError, SyntaxError, ValueError) as err:
        raise InvalidInput(f"the picture cannot be read: {err}") from err
    if picture.size != (pipeline["width"], pipeline["height"]):
        picture = picture.resize((pipeline["width"], pipeline["height"]))
    return numpy.asarray(picture)
