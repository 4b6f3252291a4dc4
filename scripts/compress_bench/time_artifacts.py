"""Times artifacts of one engine in turns, one thread, and says how many labels each gets right.

request  {"engine": NAME, "models": [FILE], "data": FILE.npz, "channel_last": BOOL, "rounds": N, "runs": N}
reply    {"p50_ms": [NUMBER], "accuracy": [NUMBER]}
"""

from __future__ import annotations

import time
from typing import Any

WARMUP_RUNS = 20


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    import numpy

    from edgekit_runner import engines
    from edgekit_runner.samples import quantize

    found = numpy.load(request["data"])
    sessions = [engines.find_engine(request["engine"]).load(m, 1) for m in request["models"]]
    feeds, accuracy = [], []
    for session in sessions:
        spec = session.inputs[0]
        rows = found["x"]
        if rows.ndim == 4 and list(spec.shape)[1:] != list(rows.shape)[1:]:
            rows = rows.transpose(0, 2, 3, 1)
        inputs = [
            numpy.ascontiguousarray(quantize(row[None].astype("float32"), spec)) for row in rows
        ]
        right = 0
        for value, label in zip(inputs, found["y"], strict=True):
            right += int(session.run([value])[0].argmax() == label)
        accuracy.append(right / len(inputs))
        feeds.append(inputs[0])
    samples: list[list[int]] = [[] for _ in sessions]
    for session, value in zip(sessions, feeds, strict=True):
        for _ in range(WARMUP_RUNS):
            session.run([value])
    for _ in range(request["rounds"]):
        for i, session in enumerate(sessions):
            for _ in range(request["runs"]):
                started = time.perf_counter_ns()
                session.run([feeds[i]])
                samples[i].append(time.perf_counter_ns() - started)
    return {
        "p50_ms": [float(numpy.median(values)) / 1e6 for values in samples],
        "accuracy": accuracy,
    }
