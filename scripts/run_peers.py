"""The tools that engines bring along for timing, run by the board's Python on the same wheels.

Each gives its own median of the same model with one thread: benchmark_app (OpenVINO),
litert-benchmark (LiteRT) and a loop around InferenceSession.run (ONNX Runtime, whose wheel holds
no tool that tells a median).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgekit.boards.transports.contract import Transport

OPENVINO = "import sys; from openvino.tools.benchmark.main import main; sys.exit(main())"
MEDIAN = re.compile(r"Median:\s+([0-9.]+) (ms|us)")
LITERT = "from ai_edge_litert.tools.benchmark_litert_model import main; main()"
ONNX = """
import json, statistics, sys, time
import onnxruntime
from onnxruntime.tools.onnxruntime_test import generate_feeds
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
feeds = generate_feeds(session)
for _ in range(20):
    session.run([], feeds)
times = []
for _ in range(int(sys.argv[2])):
    begin = time.perf_counter_ns()
    session.run([], feeds)
    times.append(time.perf_counter_ns() - begin)
print(json.dumps({"median_ms": statistics.median(times) / 1e6}))
"""
BARE = """
import json, resource, statistics, sys, time
import numpy
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
clock = time.perf_counter_ns
invoke = interpreter.invoke
def empty():
    pass
def turns(call):
    inside, starts = [], []
    for _ in range(int(sys.argv[2])):
        begin = clock()
        call()
        end = clock()
        starts.append(begin)
        inside.append(end - begin)
    turn = [b - a for a, b in zip(starts, starts[1:])]
    return statistics.median(inside) / 1e3, statistics.median(turn) / 1e3
turns(invoke)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = {"empty_us": turns(empty), "invoke_us": turns(invoke), "peak_mb": peak / 1024}
print(json.dumps(found))
"""
"""What is left when everything but the engine is taken away."""


@dataclass(frozen=True)
class Board:
    """A board with an engine's libraries."""

    transport: Transport
    site: tuple[str, ...]

    def python(self, code: str, arguments: Sequence[str], *, timeout_s: float = 600) -> str:
        """What a program prints that runs with the engine's libraries."""
        path = "PYTHONPATH=" + ":".join(self.site)
        command = ["env", path, "CI=true", "python3", "-c", code, *arguments]
        done = self.transport.run(command, timeout_s=timeout_s)
        if done.code != 0:
            raise RuntimeError(done.stderr.decode("utf-8", "replace")[-2000:])
        return done.stdout.decode()

    def folder(self) -> str:
        """A new folder on the board."""
        return self.python("import tempfile; print(tempfile.mkdtemp())", []).strip()

    def document(self, path: str) -> dict[str, object]:
        """A JSON file of the board."""
        text = self.python("import sys; print(open(sys.argv[1]).read())", [path])
        found: dict[str, object] = json.loads(text)
        return found


def benchmark_app_ms(board: Board, model: str, runs: int) -> float:
    """The median that benchmark_app prints: microseconds below a millisecond, else 10 us."""
    arguments = ["-m", model, "-d", "CPU", "-hint", "none", "-api", "sync", "-niter", str(runs)]
    arguments += ["-nthreads", "1", "-nstreams", "1", "-nireq", "1", "-infer_precision", "f32"]
    printed = board.python(OPENVINO, arguments)
    found = MEDIAN.search(printed)
    if found is None:
        raise RuntimeError(f"benchmark_app printed no median: {printed[-500:]}")
    return float(found[1]) * (1e-3 if found[2] == "us" else 1.0)


def litert_benchmark_ms(board: Board, model: str, runs: int) -> float:
    """The median that litert-benchmark writes, two decimals of a millisecond."""
    path = f"{board.folder()}/result.json"
    arguments = [f"--model={model}", "--num_threads=1", f"--num_runs={runs}"]
    board.python(LITERT, [*arguments, "--warmup_runs=20", f"--result_json={path}"])
    latency = board.document(path)["latency"]
    assert isinstance(latency, dict)
    return float(latency["median_ms"])


def onnxruntime_loop_ms(board: Board, model: str, runs: int) -> float:
    """The median of a plain loop around InferenceSession.run."""
    return float(json.loads(board.python(ONNX, [model, str(runs)]))["median_ms"])


@dataclass(frozen=True)
class Peer:
    """A tool to compare with."""

    engine: str
    title: str
    variant: str
    """Of edgekit that times the same work."""
    median_ms: Callable[[Board, str, int], float]


PEERS = (
    Peer("litert", "litert-benchmark", "native", litert_benchmark_ms),
    Peer("onnxruntime", "loop around session.run", "bound", onnxruntime_loop_ms),
    Peer("openvino", "benchmark_app", "native", benchmark_app_ms),
)
