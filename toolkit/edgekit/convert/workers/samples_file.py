"""The samples of a conversion as one .npz: inputs in the source's layout, labels, pictures.

``input_<j>``  [n, *shape of input j], the first dimension of the model being 1
``labels``     [n] integers, when the data had labels
``pictures``   uint8 [n, height, width, 3], when the data were pictures
"""

from __future__ import annotations

from typing import Any

import numpy


def read_inputs(path: str) -> list[Any]:  # Any: arrays
    """The inputs by position."""
    with numpy.load(path, allow_pickle=False) as archive:
        count = sum(name.startswith("input_") for name in archive.files)
        return [archive[f"input_{j}"] for j in range(count)]


def read_optional(path: str, name: str) -> Any:  # Any: an array or None
    """``labels`` or ``pictures``, or None."""
    with numpy.load(path, allow_pickle=False) as archive:
        return archive[name] if name in archive.files else None


def to_channel_last(array: Any) -> Any:  # Any: arrays
    """[1, C, H, W] to [1, H, W, C]."""
    return numpy.ascontiguousarray(array.transpose(0, 2, 3, 1))
