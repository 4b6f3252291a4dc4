"""Golden samples of a release and the pipeline around a model: numpy inside functions only."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Tuple

from . import wire
from .failure import Failure


class Release:
    """A release folder with its card."""

    def __init__(self, path: str) -> None:
        self.path = path
        card_path = os.path.join(path, wire.CARD_FILE)
        try:
            with open(card_path, encoding="utf-8") as stream:
                self.card = json.load(stream)  # type: Dict[str, Any]  # Any: JSON
        except FileNotFoundError as error:
            raise Failure(wire.ERROR_NO_RELEASE, "no release lies in %s" % path) from error
        except ValueError as error:
            raise Failure(wire.ERROR_IO, "%s is damaged: %s" % (card_path, error)) from error

    @property
    def model_path(self) -> str:
        """The model's main file."""
        return os.path.join(self.path, *self.card["model"].split("/"))

    @property
    def sample_count(self) -> int:
        """Golden samples that were shipped; 0 when there are none."""
        count = self.card["golden"].get("sample_count", 0)
        return int(count)

    @property
    def tolerance(self) -> float:
        """Largest allowed difference of de-quantized outputs."""
        return float(self.card["golden"].get("tolerance", 0.0))

    def tensors(self, sample: int, kind: str) -> List[Any]:  # Any: numpy arrays
        """Inputs (``in``) or expected outputs (``out``) of one golden sample."""
        specs = self.card["inputs" if kind == "in" else "outputs"]
        return [self._read(sample, kind, j, spec) for j, spec in enumerate(specs)]

    def reference(self, sample: int, output: int) -> Any:  # Any: a numpy array or None
        """What the original model gives for a golden sample, as float32, or None."""
        import numpy

        name = "%d.ref.%d.bin" % (sample, output)
        path = os.path.join(self.path, wire.GOLDEN_FOLDER, name)
        return numpy.fromfile(path, dtype=numpy.float32) if os.path.exists(path) else None

    def raw_image(self, sample: int) -> Any:  # Any: a numpy array or None
        """The decoded picture behind a golden sample, uint8 [height, width, 3], or None."""
        import numpy

        path = os.path.join(self.path, wire.GOLDEN_FOLDER, "%d.raw.bin" % sample)
        pipeline = self.card["pipeline"]
        if not pipeline.get("height") or not os.path.exists(path):
            return None
        shape = (pipeline["height"], pipeline["width"], 3)
        return numpy.fromfile(path, dtype=numpy.uint8).reshape(shape)

    # Any: JSON in, a numpy array out
    def _read(self, sample: int, kind: str, position: int, spec: Dict[str, Any]) -> Any:
        import numpy

        name = "%d.%s.%d.bin" % (sample, kind, position)
        values = numpy.fromfile(
            os.path.join(self.path, wire.GOLDEN_FOLDER, name), dtype=spec["dtype"]
        )
        return values.reshape(concrete(spec["shape"], values.size))


def concrete(shape: List[int], size: int) -> Tuple[int, ...]:
    """The shape with its free dimensions filled: the first takes what is left, others are 1."""
    free = [i for i, length in enumerate(shape) if length < 0]
    fixed = 1
    for length in shape:
        fixed *= length if length >= 0 else 1
    filled = list(shape)
    for i in free:
        filled[i] = 1
    if free:
        filled[free[0]] = size // max(fixed, 1)
    return tuple(filled)


def random_inputs(tensors: Any) -> List[Any]:  # Any: contract.Tensor in, numpy arrays out
    """Standard normal values for float inputs, the whole range for integers; seeded."""
    import numpy

    generator = numpy.random.RandomState(0)
    arrays = []
    for tensor in tensors:
        shape = tuple(1 if size < 0 else size for size in tensor.shape)
        dtype = numpy.dtype(tensor.dtype)
        if dtype.kind == "f":
            arrays.append(generator.standard_normal(shape).astype(dtype))
        elif dtype.kind == "b":
            arrays.append(generator.randint(0, 2, shape).astype(dtype))
        else:
            high = min(int(numpy.iinfo(dtype).max), 127)
            arrays.append(generator.randint(0, high + 1, shape).astype(dtype))
    return arrays


def preprocess(image: Any, pipeline: Dict[str, Any], spec: Any) -> Any:  # Any: numpy, JSON
    """A decoded picture to the model's input: normalise, lay out, quantize.

    Args:
        image: uint8 [height, width, 3], RGB, already at the model's size.
        pipeline: the card's PipelineSpec.
        spec: the input's contract.Tensor.
    """
    import numpy

    tables = pixel_tables(tuple(pipeline["mean"]), tuple(pipeline["std"]), spec)
    if len(tables) == 1:
        values = numpy.take(tables[0], image)
    else:
        parts = [numpy.take(table, image[..., c]) for c, table in enumerate(tables)]
        values = numpy.stack(parts, axis=-1)
    if pipeline["layout"] == "NCHW":
        values = values.transpose(2, 0, 1)
    return numpy.ascontiguousarray(values[numpy.newaxis])


_tables = {}  # type: Dict[Any, List[Any]]


# Any: contract.Tensor in, numpy arrays out
def pixel_tables(mean: Tuple[float, ...], std: Tuple[float, ...], spec: Any) -> List[Any]:
    """What each of the 256 pixel values becomes, per channel; one table when all are the same.

    A pixel has 256 values, so looking them up replaces arithmetic over the whole picture.
    """
    import numpy

    key = (mean, std, spec.dtype, spec.scale, spec.zero_point)
    if key not in _tables:
        pixels = numpy.arange(256, dtype=numpy.float32)
        found = []
        channels = list(zip(mean, std))
        for m, s in channels[:1] if len(set(channels)) == 1 else channels:
            values = (pixels - numpy.float32(m)) / numpy.float32(s)
            found.append(quantize(values, spec) if spec.dtype != "float32" else values)
        _tables[key] = found
    return _tables[key]


def quantize(values: Any, spec: Any) -> Any:  # Any: numpy arrays, contract.Tensor
    """Float values in the input's own integers."""
    import numpy

    if not spec.scale:
        return values.astype(spec.dtype)
    limits = numpy.iinfo(spec.dtype)
    stored = numpy.rint(values / spec.scale) + spec.zero_point
    return numpy.clip(stored, limits.min, limits.max).astype(spec.dtype)


def dequantize(values: Any, scale: float, zero_point: int) -> Any:  # Any: numpy arrays
    """Real values of a quantized tensor; others are only widened to float32."""
    import numpy

    real = values.astype(numpy.float32)
    return (real - zero_point) * scale if scale else real
