"""A real model's samples as plain tensors, which peers and judges read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy

from edgekit.convert.pipelines import parse_pipeline
from real_models.model import RealModel

LABELS = "y"


def write_tensors(model: RealModel, data: Path, names: list[str], out: Path) -> int:
    """Writes ``input_<j>`` [n, *shape] and ``labels``; gives the count of samples.

    Pictures become [1, 3, h, w], as the only model that takes pictures wants them.
    """
    with numpy.load(data, allow_pickle=False) as archive:
        content = {name: archive[name] for name in archive.files}
    labels = content.pop(LABELS, None)
    named: dict[str, Any] = {}  # Any: arrays
    if "images" in content:
        pipeline = parse_pipeline(model.pipeline)
        mean = numpy.array(pipeline.mean, numpy.float32)
        std = numpy.array(pipeline.std, numpy.float32)
        pixels = (content["images"].astype(numpy.float32) - mean) / std
        named["input_0"] = pixels.transpose(0, 3, 1, 2)[:, numpy.newaxis]
    else:
        keys = names if all(name in content for name in names) else list(content)
        for j, key in enumerate(keys):
            array = content[key]
            # samples of one example lack the batch, which is 1
            named[f"input_{j}"] = array if _has_batch(array) else array[:, numpy.newaxis]
    if labels is not None:
        named["labels"] = labels
    numpy.savez(out, **named)
    return len(named["input_0"])


def _has_batch(array: numpy.ndarray) -> bool:
    return array.ndim > 2 and (array.shape[1] == 1 or (array.shape[2] == 1 and array.ndim == 4))
