"""The samples folder of the converter as batches for training, with what a teacher says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import torch

from edgekit.compress.workers.model_file import outputs_of
from edgekit.convert.workers.samples_file import read_inputs, read_optional, read_outputs

BATCH = 64
EVALUATION_BATCH = 256


class Batch(NamedTuple):
    """Some samples."""

    inputs: tuple[Any, ...]  # Any: tensors
    labels: Any  # Any: a tensor or None
    targets: list[Any]  # Any: the teacher's outputs


class Samples:
    """Samples of one part of the data, by position."""

    # Any: arrays
    def __init__(self, folder: str, positions: Any = None) -> None:
        self.inputs = read_inputs(folder)
        self.labels = read_optional(folder, "labels")
        self.targets = read_outputs(folder)
        count = len(self.inputs[0])
        self.positions = numpy.arange(count) if positions is None else positions

    def __len__(self) -> int:
        return len(self.positions)

    def batches(self, size: int, order: Any = None) -> Iterator[Batch]:
        """All samples, in their order or in the one given."""
        positions = self.positions if order is None else self.positions[order]
        for start in range(0, len(positions), size):
            yield self._batch(positions[start : start + size])

    def _batch(self, rows: Any) -> Batch:
        return Batch(
            tuple(_rows(array, rows) for array in self.inputs),
            None if self.labels is None else torch.from_numpy(self.labels[rows].astype("int64")),
            [_rows(array, rows) for array in self.targets],
        )


def _rows(array: Any, rows: Any) -> Any:
    picked = numpy.ascontiguousarray(array[rows])
    return torch.from_numpy(picked[:, 0] if picked.ndim > 1 else picked)


def parts(folder: str, judged: str, seed: int) -> tuple[Samples, Samples, Samples]:
    """What trains, what chooses the best epoch, and what judges.

    Without data of its own for judging, a tenth of the data judges; a tenth chooses.
    """
    count = len(read_inputs(folder)[0])
    order = numpy.random.default_rng(seed).permutation(count)
    tenth = max(1, count // 10)
    if judged:
        return (
            Samples(folder, numpy.sort(order[tenth:])),
            Samples(folder, numpy.sort(order[:tenth])),
            Samples(judged),
        )
    return (
        Samples(folder, numpy.sort(order[2 * tenth :])),
        Samples(folder, numpy.sort(order[tenth : 2 * tenth])),
        Samples(folder, numpy.sort(order[:tenth])),
    )


def tell(module: Any, folder: str) -> None:  # Any: a torch module
    """Writes what the module says to every sample, as the teacher's outputs of the folder."""
    if list(Path(folder).glob("output_*.npy")):
        return
    samples = Samples(folder)
    columns: list[list[Any]] = []
    module.eval()
    with torch.no_grad():
        for batch in samples.batches(EVALUATION_BATCH):
            for j, value in enumerate(outputs_of(module(*batch.inputs))):
                if j == len(columns):
                    columns.append([])
                columns[j].append(value.numpy()[:, None])
    for j, column in enumerate(columns):
        numpy.save(Path(folder) / f"output_{j}.npy", numpy.concatenate(column))
