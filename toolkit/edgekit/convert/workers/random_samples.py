"""Samples without data: standard normal values, seeded; for agreement and golden vectors only.

request  {"inputs": [{"name", "shape", "dtype"}], "count": N, "out": FOLDER}
"""

from __future__ import annotations

from typing import Any

import numpy

from edgekit.convert.workers.samples_file import write_columns
from edgekit_runner.engines.contract import Tensor
from edgekit_runner.samples import random_inputs


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Writes the samples folder."""
    tensors = [Tensor(s["name"], tuple(s["shape"]), s["dtype"]) for s in request["inputs"]]
    columns: list[list[Any]] = [[] for _ in tensors]
    base = random_inputs(tensors)
    for i in range(request["count"]):
        for column, array in zip(columns, base, strict=True):
            column.append(numpy.roll(array, i))
    write_columns(request["out"], "input", [numpy.stack(column) for column in columns])
    return {"count": request["count"]}
