"""Inputs and outputs of the artifact on the host's engine, for other runtimes to reproduce.

A folder with ``in.<j>.npy`` and ``out.<j>.npy``, samples first, in the artifact's own order and dtypes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy

PROOF_SAMPLES = 32
"""Of the samples, from the first on: golden vectors are among them."""


# Any: arrays
def write_vectors(folder: str, feeds: Sequence[list[Any]], outputs: Sequence[list[Any]]) -> None:
    """Writes feeds with the outputs that they gave."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for side, rows in (("in", feeds), ("out", outputs)):
        for j, column in enumerate(zip(*rows, strict=True)):
            numpy.save(Path(folder) / f"{side}.{j}.npy", numpy.stack(column), allow_pickle=False)


def read_vectors(folder: str, side: str) -> list[Any]:  # Any: arrays
    """The arrays of one side by position."""
    count = len(list(Path(folder).glob(f"{side}.*.npy")))
    return [
        numpy.load(Path(folder) / f"{side}.{j}.npy", mmap_mode="r", allow_pickle=False)
        for j in range(count)
    ]
