"""The picture pipeline: looked-up pixels are the arithmetic's."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit_runner.engines.contract import Tensor
from edgekit_runner.samples import concrete, dequantize, preprocess, quantize, random_inputs

MEANS = st.floats(0, 255, width=32)
STDS = st.floats(0.5, 255, width=32)


# Any: JSON, arrays
def by_arithmetic(image: Any, pipeline: dict[str, Any], spec: Tensor) -> Any:
    mean = numpy.asarray(pipeline["mean"], dtype=numpy.float32)
    std = numpy.asarray(pipeline["std"], dtype=numpy.float32)
    values = (image.astype(numpy.float32) - mean) / std
    if pipeline["layout"] == "NCHW":
        values = values.transpose(2, 0, 1)
    values = values[numpy.newaxis]
    return values if spec.dtype == "float32" else quantize(values, spec)


@given(
    st.tuples(MEANS, MEANS, MEANS),
    st.tuples(STDS, STDS, STDS),
    st.booleans(),
    st.sampled_from(["NCHW", "NHWC"]),
    st.sampled_from([("float32", 0.0, 0), ("int8", 0.0078, -1), ("uint8", 0.02, 128)]),
)
def test_lookup_equals_arithmetic(
    mean: tuple[float, ...],
    std: tuple[float, ...],
    same: bool,
    layout: str,
    scheme: tuple[str, float, int],
) -> None:
    if same:
        mean, std = mean[:1] * 3, std[:1] * 3
    image = numpy.arange(8 * 9 * 3, dtype=numpy.uint8).reshape(8, 9, 3)
    pipeline = {"mean": mean, "std": std, "layout": layout}
    spec = Tensor("x", (1, 8, 9, 3), *scheme)
    found = preprocess(image, pipeline, spec)
    wanted = by_arithmetic(image, pipeline, spec)
    assert found.dtype == wanted.dtype
    assert found.flags["C_CONTIGUOUS"]
    numpy.testing.assert_array_equal(found, wanted)


@given(st.floats(0.001, 10), st.integers(-128, 127))
def test_quantize_is_undone_within_half_a_step(scale: float, zero_point: int) -> None:
    spec = Tensor("x", (5,), "int8", scale, zero_point)
    stored = numpy.arange(-128, 128, dtype=numpy.int8)
    real = dequantize(stored, scale, zero_point)
    numpy.testing.assert_array_equal(quantize(real, spec), stored)


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ([1, 3], 3, (1, 3)),
        ([-1, 3], 6, (2, 3)),
        ([-1, -1, 2], 6, (3, 1, 2)),
        ([], 1, ()),
    ],
)
def test_free_dimensions_are_filled(
    shape: list[int], size: int, expected: tuple[int, ...]
) -> None:
    assert concrete(shape, size) == expected


def test_random_inputs_fit_their_tensors_and_repeat() -> None:
    tensors = [
        Tensor("a", (-1, 4), "float32"),
        Tensor("b", (2,), "int64"),
        Tensor("c", (3,), "bool"),
    ]
    first, again = random_inputs(tensors), random_inputs(tensors)
    for tensor, array, other in zip(tensors, first, again, strict=True):
        assert array.dtype.name == tensor.dtype
        assert array.shape == tuple(1 if size < 0 else size for size in tensor.shape)
        numpy.testing.assert_array_equal(array, other)
