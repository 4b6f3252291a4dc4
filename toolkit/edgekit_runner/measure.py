"""The timed loop: raw samples per phase, with the board's conditions sampled beside them.

What is timed, per invocation:

preprocess   raw picture to the model's input (built-in image pipeline), or a fresh copy of a
             recorded input where the model has no picture pipeline
infer        the engine: inputs copied in, inference, outputs copied out (variant ``copied``), or
             the inference alone (variant ``bound``)
postprocess  outputs to real values, arg-max of the first
total        from before preprocess to after postprocess
cpu          processor time of the calling thread during infer, when one thread runs
"""

from __future__ import annotations

import gc
import glob
import resource
import threading
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from . import engines, sites, wire
from .failure import Failure
from .samples import Release, dequantize, preprocess, random_inputs
from .sensors import Sensors

Emit = Callable[..., None]
clock = time.perf_counter_ns

CHUNK = 5000
"""Samples per line."""
CONDITION_INTERVAL_S = 0.5
HARD_LIMIT_RUNS = 1000000


class Pipeline(NamedTuple):
    """One invocation, cut into its phases."""

    before: Callable[[int], List[Any]]  # Any: numpy arrays
    infer: Callable[[List[Any]], List[Any]]
    after: Callable[[List[Any]], None]


def run(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Loads the release's model and measures it; see wire.py for request and events."""
    sites.use(request.get("site", []))
    release = Release(request["release_path"])
    engine = engines.find_engine(request["engine"])
    sensors = Sensors(request.get("sysfs", "/"))
    once = {}  # type: Dict[str, int]
    started = clock()
    _import(engine)
    once["import"] = clock() - started
    started = clock()
    session = sites.load(engine, release.model_path, request["threads"])
    once["load"] = clock() - started
    emit("engine", name=engine.NAME, version=session.version, details=session.details())
    pipeline = make_pipeline(session, release, request)
    started = clock()
    invoke(pipeline, 0)
    once["first_inference"] = clock() - started
    for phase, value in once.items():
        emit("once", phase=phase, ns=value)
    for i in range(int(request["warmup_runs"])):
        invoke(pipeline, i)
    with Conditions(sensors) as conditions:
        waited = run_queue_ns()
        samples = loop(pipeline, request)
        waited_after = run_queue_ns()
    for condition in conditions.taken:
        emit("condition", **condition)
    for phase, values in samples.items():
        for begin in range(0, len(values), CHUNK):
            name = "starts" if phase == "starts" else "samples"
            extra = {} if phase == "starts" else {"phase": phase}
            emit(name, ns=values[begin : begin + CHUNK], **extra)
    emit(
        "summary",
        wait_ns=None if waited is None or waited_after is None else waited_after - waited,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        timer_overhead_ns=timer_overhead_ns(),
    )


def _import(engine: Any) -> None:  # Any: an engine module
    """Imports the engine's library."""
    try:
        engine.library()
    except ImportError as error:
        text = "%s cannot be imported on this board: %s" % (engine.TITLE, error)
        raise Failure(wire.ERROR_ENGINE_MISSING, text) from error


# Any: a Session, JSON
def make_pipeline(session: Any, release: Release, request: Dict[str, Any]) -> Pipeline:
    """The phases for this model, input choice and variant."""
    wants_golden = request.get("input", "golden") == "golden" and release.sample_count > 0
    if request["engine"] == "echo":
        return Pipeline(lambda i: [b""], session.run, lambda outputs: None)
    if wants_golden:
        inputs = [release.tensors(i, "in") for i in range(release.sample_count)]
        images = [release.raw_image(i) for i in range(release.sample_count)]
    else:
        inputs, images = [random_inputs(session.inputs)], [None]
    settings = release.card["pipeline"]
    scheme = session.outputs[0]

    def before(i: int) -> List[Any]:
        image = images[i % len(images)]
        if image is not None:
            return [preprocess(image, settings, session.inputs[0])]
        return [array.copy() for array in inputs[i % len(inputs)]]

    def bound(values: List[Any]) -> List[Any]:
        native()
        return []

    def after(outputs: List[Any]) -> None:
        if outputs:
            dequantize(outputs[0], scheme.scale, scheme.zero_point).argmax()

    is_bound = request.get("variant", "copied") == "bound"
    if is_bound:
        session.bind(before(0))
        native = session.native()
    return Pipeline(before, bound if is_bound else session.run, after)


def invoke(pipeline: Pipeline, i: int) -> None:
    """One invocation, not timed."""
    pipeline.after(pipeline.infer(pipeline.before(i)))


def loop(pipeline: Pipeline, request: Dict[str, Any]) -> Dict[str, List[int]]:  # Any: JSON
    """Runs until both ``runs`` and ``min_duration_s`` are reached, at most ``max_duration_s``."""
    runs = min(int(request["runs"]), HARD_LIMIT_RUNS)
    at_least_ns = int(float(request.get("min_duration_s", 0)) * 1e9)
    at_most_ns = int(float(request.get("max_duration_s", 60)) * 1e9)
    phases = {name: [] for name in ("starts", "preprocess", "infer", "postprocess", "total")}  # type: Dict[str, List[int]]
    cpu = []  # type: List[int]
    one_thread = int(request["threads"]) == 1
    thread_clock = time.thread_time_ns
    before, infer, after = pipeline
    gc.collect()
    gc.disable()
    begin = clock()
    i = 0
    try:
        while i < HARD_LIMIT_RUNS:
            t0 = clock()
            if (i >= runs and t0 - begin >= at_least_ns) or (i > 0 and t0 - begin >= at_most_ns):
                break
            values = before(i)
            c0 = thread_clock()
            t1 = clock()
            outputs = infer(values)
            t2 = clock()
            c1 = thread_clock()
            after(outputs)
            t3 = clock()
            phases["starts"].append(t0 - begin)
            phases["preprocess"].append(t1 - t0)
            phases["infer"].append(t2 - t1)
            phases["postprocess"].append(t3 - t2)
            phases["total"].append(t3 - t0)
            if one_thread:
                cpu.append(c1 - c0)
            i += 1
    finally:
        gc.enable()
    if cpu:
        phases["cpu"] = cpu
    return phases


class Conditions:
    """Samples the board's state in a thread of its own while the loop runs."""

    def __init__(self, sensors: Sensors) -> None:
        self.sensors = sensors
        self.taken = []  # type: List[Dict[str, Any]]  # Any: JSON
        self.begin = clock()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Conditions:
        self._take()
        self.thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self.stop.set()
        self.thread.join()
        self._take()

    def _sample(self) -> None:
        while not self.stop.wait(CONDITION_INTERVAL_S):
            self._take()

    def _take(self) -> None:
        read = self.sensors
        self.taken.append(
            {
                "at_ns": clock() - self.begin,
                "temperature_c": read.temperature_c(),
                "clock_mhz": read.clock_mhz(),
                "throttled": read.throttled(),
                "cpu_pressure_us": read.cpu_pressure_us(),
                "steal_ticks": read.steal_ticks(),
                "load_1min": read.load_1min(),
            }
        )


def run_queue_ns() -> Optional[int]:
    """Time that all threads of this process have waited for a processor, or None."""
    total = 0
    found = False
    for path in glob.glob("/proc/self/task/*/schedstat"):
        try:
            with open(path, encoding="ascii") as stream:
                total += int(stream.read().split()[1])
            found = True
        except (OSError, IndexError, ValueError):
            continue
    return total if found else None


def timer_overhead_ns() -> int:
    """Smallest distance between two readings of the clock around nothing."""
    return min(abs(clock() - clock()) for _ in range(1000))
