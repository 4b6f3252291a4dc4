"""Judges every artifact of a model against the float original, on the same samples.

request  {"reference": PATH of the float ONNX model, "samples": PATH of an .npz with input_<j> and maybe
          labels, "names": [NAME of each input], "metric": NAME,
          "artifacts": [{"engine", "model"}]}
reply    {"count": N, "original": QUALITY, "artifacts": [{"quality", "deviation", "right": [BOOL per sample]}
          or {"error": TEXT}]}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from convert_bench.feeding import read_samples

THREADS = 2


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    from convert_bench.sessions import Artifact

    inputs = read_samples(request["samples"])
    with numpy.load(request["samples"], allow_pickle=False) as archive:
        labels = archive["labels"] if "labels" in archive.files else None
    sources = [(n, a.shape[1:]) for n, a in zip(request["names"], inputs, strict=True)]
    rows = [[array[i] for array in inputs] for i in range(len(inputs[0]))]
    original = Artifact("onnxruntime", request["reference"], sources, THREADS)
    expected = [numpy.stack(column) for column in zip(*map(original.answer, rows), strict=True)]
    metric = request["metric"]
    judged: list[dict[str, Any]] = []
    for item in request["artifacts"]:
        try:
            artifact = Artifact(item["engine"], item["model"], sources, THREADS)
            answers = [artifact.answer(row) for row in rows]
            found = paired(expected, answers)
        except Exception as err:  # noqa: BLE001  a peer's artifact may fail in any way
            text = f"{type(err).__name__}: {err}".strip().splitlines()[0]
            judged.append({"error": text[:300]})
            continue
        right = rightness(metric, expected, found, labels)
        judged.append(
            {
                "quality": float(right.mean()),
                "deviation": max(
                    float(numpy.abs(a - b).max()) for a, b in zip(expected, found, strict=True)
                ),
                "right": right.astype(int).tolist(),
            }
        )
    base = rightness(metric, expected, expected, labels)
    return {"count": len(rows), "original": float(base.mean()), "artifacts": judged}


# Any: arrays
def rightness(
    metric: str, expected: Sequence[Any], found: Sequence[Any], labels: Any
) -> numpy.ndarray:
    """Per sample: is the answer the label, or the original's? See ``real_models.model.Metric``."""
    if metric == "accuracy":
        return numpy.asarray(_scores(found).argmax(1) == labels)
    if metric == "agreement":
        return numpy.asarray(_scores(found).argmax(1) == _scores(expected).argmax(1))
    if metric == "decision":
        place = next(j for j, array in enumerate(expected) if array[0].size == 1)
        a, b = (numpy.asarray(list_[place]).reshape(-1) > 0.5 for list_ in (expected, found))
        return numpy.asarray(a == b)
    if metric == "retrieval":
        return numpy.asarray(_nearest(_scores(found)) == _nearest(_scores(expected)))
    raise ValueError(f"no metric is called {metric!r}")


def _scores(outputs: Sequence[Any]) -> Any:  # Any: arrays
    """The first output with more than one value per sample, as [n, values]."""
    found = next(array for array in outputs if array[0].size > 1)
    return numpy.asarray(found).reshape(len(found), -1)


def _nearest(vectors: Any) -> Any:  # Any: arrays
    """For each vector the position of the most similar other one."""
    unit = vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)
    similar = unit @ unit.T
    numpy.fill_diagonal(similar, -2.0)
    return similar.argmax(1)


# Any: arrays
def paired(expected: Sequence[Any], answers: Sequence[Sequence[Any]]) -> list[Any]:
    """The artifact's outputs in the original's order and shape: of the same size, the nearest one.

    Raises:
        ValueError: an output of the original has no counterpart.
    """
    columns = [numpy.stack(column) for column in zip(*answers, strict=True)]
    free = list(range(len(columns)))
    found = []
    for original in expected:
        fitting = [j for j in free if columns[j].size == original.size]
        if not fitting:
            raise ValueError(f"no output has the size of the original's {original.shape[1:]}")
        best = min(
            fitting,
            key=lambda j: float(numpy.abs(columns[j].reshape(original.shape) - original).mean()),
        )
        free.remove(best)
        found.append(columns[best].reshape(original.shape).astype(numpy.float64))
    return found
