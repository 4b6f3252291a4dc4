"""Times models against each other on this machine: ONNX Runtime, a single thread, in turns.

request  {"models": [FILE.pt2], "rounds": N, "runs": N}
reply    {"p50_ms": [NUMBER], "p95_ms": [NUMBER], "size_bytes": [N], "where": TEXT}
"""

from __future__ import annotations

import platform
import tempfile
import time
from pathlib import Path
from typing import Any

WARMUP_RUNS = 20


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    import numpy
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    sessions = []
    sizes = []
    with tempfile.TemporaryDirectory() as folder:
        for i, model in enumerate(request["models"]):
            path = str(Path(folder) / f"{i}.onnx")
            program = torch.export.load(model)
            torch.onnx.export(program, (), dynamo=True, opset_version=18).save(path)
            sizes.append(Path(path).stat().st_size)
            session = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
            values = [value.numpy() for value in program.example_inputs[0]]
            names = [value.name for value in session.get_inputs()]
            sessions.append((session, dict(zip(names, values, strict=True))))
    samples: list[list[int]] = [[] for _ in sessions]
    for session, feed in sessions:
        for _ in range(WARMUP_RUNS):
            session.run(None, feed)
    for _ in range(request["rounds"]):
        for i, (session, feed) in enumerate(sessions):
            for _ in range(request["runs"]):
                started = time.perf_counter_ns()
                session.run(None, feed)
                samples[i].append(time.perf_counter_ns() - started)
    quantiles = [numpy.quantile(values, (0.5, 0.95)) / 1e6 for values in samples]
    return {
        "p50_ms": [float(q[0]) for q in quantiles],
        "p95_ms": [float(q[1]) for q in quantiles],
        "size_bytes": sizes,
        "where": f"ONNX Runtime {onnxruntime.__version__}, 1 thread, this machine "
        f"({platform.machine()})",
    }
