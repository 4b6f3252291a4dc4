"""Measures a release: raw samples per phase, with the board's conditions sampled beside them.

What is timed, per invocation:

preprocess   raw sample to the model's input: the built-in picture pipeline, the user's
             preprocess(), or a fresh copy of a recorded input
infer        the engine, fed as the variant says (engines/contract.py)
postprocess  outputs to real values and arg-max, or the user's postprocess()
total        from before preprocess to after postprocess
cpu          processor time of the calling thread during infer; says something with one thread
lateness     how long after its scheduled moment a paced invocation began
"""

from __future__ import annotations

import gc
import glob
import os
import resource
import signal
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import engines, sites, wire
from .conditions import Sampler
from .failure import Failure
from .loops import COLUMNS, Limits, Phases, run_streams
from .pipelines import Feed, is_users, make_feed, make_phases, pipeline_failure, require_fit
from .rows import Rows
from .samples import Release
from .sensors import Sensors

Emit = Callable[..., None]
clock = time.perf_counter_ns

MOST_CHECKED = 8
"""Recorded samples whose outputs are searched for NaN before the timing begins."""


def run(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Loads the release's model and measures it; see wire.py for request and events."""
    if request.get("deadline_s"):
        signal.alarm(int(request["deadline_s"]) + 1)
    if request.get("cores"):
        os.sched_setaffinity(0, [int(core) for core in request["cores"]])
    sites.use(request.get("site", []))
    release = Release(request["release_path"])
    engine = engines.find_engine(request["engine"])
    sensors = Sensors(request.get("sysfs", "/"))
    with Sampler(sensors, emit) as sampler:
        once: Dict[str, int] = {}
        sessions = load(engine, release, request, once)
        session = sessions[0]
        emit(
            "engine",
            name=engine.NAME,
            version=session.version,
            details=session.details(),
            placement=session.placement(),
            fallback=session.fallback(),
        )
        sampler.phase = "warm-up"
        try:
            streams = _prepare(engine, sessions, release, request, once)
            for phase, value in once.items():
                emit("once", phase=phase, ns=value)
            emit("outputs", **check_outputs(streams[0], session, release))
            for stream, _ in streams:
                for i in range(int(request["warmup_runs"])):
                    stream.invoke(i)
            _time([stream for stream, _ in streams], request, sampler, emit)
        except Failure:
            raise
        except Exception as error:
            if is_users(error):
                raise pipeline_failure(error) from error
            raise sites.refused(engine, "failed during an inference", error) from error


# Any: an engine module, JSON, Sessions
def load(
    engine: Any, release: Release, request: Dict[str, Any], once: Dict[str, int]
) -> List[Any]:
    """Imports the library and loads the model once per stream; notes both times."""
    _require_variant(engine, request.get("variant", "copied"))
    started = clock()
    try:
        engine.library()
    except ImportError as error:
        raise sites.missing(engine, error) from error
    once["import"] = clock() - started
    sessions = []
    for _ in range(max(1, int(request.get("concurrency", 1)))):
        started = clock()
        options = request.get("engine_options")
        session = sites.load(engine, release.model_path, int(request["threads"]), options)
        if int(request.get("batch", 1)) > 1:
            session.set_batch(int(request["batch"]))
        once.setdefault("load", clock() - started)
        sessions.append(session)
    return sessions


def _require_variant(engine: Any, variant: str) -> None:  # Any: an engine module
    if variant not in engine.VARIANTS:
        known = ", ".join(engine.VARIANTS)
        text = "%s has no variant %r; it has: %s" % (engine.TITLE, variant, known)
        raise Failure(wire.ERROR_BAD_REQUEST, text)


# Any: an engine module, Sessions, JSON
def _prepare(
    engine: Any,
    sessions: List[Any],
    release: Release,
    request: Dict[str, Any],
    once: Dict[str, int],
) -> List[Tuple[Phases, Feed]]:
    """The streams, each with its first inference behind it."""
    streams = []
    for session in sessions:
        batch = int(request.get("batch", 1))
        feed = make_feed(session, release, request.get("input", "golden"), batch)
        values = feed.before(0)
        if engine.DISTRIBUTIONS:
            require_fit(session.inputs, values)
        started = clock()
        feed.after(session.run(values))
        once.setdefault("first_inference", clock() - started)
        streams.append((make_phases(session, feed, request.get("variant", "copied")), feed))
    return streams


# Any: a Session
def check_outputs(stream: Tuple[Phases, Feed], session: Any, release: Release) -> Dict[str, int]:
    """How many of some invocations give outputs with NaN or infinity."""
    feed = stream[1]
    checked = bad = 0
    for i in range(min(feed.raw_count, MOST_CHECKED)):
        outputs = session.run(feed.before(i))
        if any(isinstance(output, bytes) for output in outputs):
            break
        checked += 1
        bad += any(_is_bad(output) for output in outputs)
    return {"checked": checked, "bad": bad}


def _is_bad(output: Any) -> bool:  # Any: a numpy array
    import numpy

    return output.dtype.kind == "f" and not bool(numpy.isfinite(output).all())


# Any: JSON
def _time(streams: List[Phases], request: Dict[str, Any], sampler: Sampler, emit: Emit) -> None:
    """The timed part and what is told after it."""
    limits = make_limits(request)
    keeps_all = limits.rule is not None
    rows = [Rows(COLUMNS, k, keeps_all=keeps_all) for k in range(len(streams))]
    # what was made so far is never searched again: a collection in the loop costs microseconds,
    # and it stays on, as in an application
    gc.collect()
    gc.freeze()
    sampler.begin_timing(rows)
    waited = run_queue_ns()
    started = clock()
    ended = run_streams(streams, rows, limits)
    wall_ns = clock() - started
    waited_after = run_queue_ns()
    sampler.end_timing()
    emit(
        "summary",
        ended=ended,
        wall_ns=wall_ns,
        wait_ns=None if waited is None or waited_after is None else waited_after - waited,
        peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        timer_overhead_ns=timer_overhead_ns(),
        sampler=sampler.cost(),
        energy=sampler.energy.told() if sampler.energy else None,
    )


# Any: JSON
def make_limits(request: Dict[str, Any]) -> Limits:
    """When the timed part ends, as the request says."""
    from .stopping import make_rule

    rate_hz = float(request.get("rate_hz") or 0)
    return Limits(
        runs=max(1, int(request["runs"])),
        at_least_ns=int(float(request.get("min_duration_s", 0)) * 1e9),
        at_most_ns=int(float(request.get("max_duration_s", 60)) * 1e9),
        interval_ns=int(1e9 / rate_hz) if rate_hz else 0,
        rule=make_rule(request),
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
