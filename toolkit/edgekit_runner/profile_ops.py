"""Times per operation, in a run of their own: a profiler changes what it looks at.

The whole inference is timed without the profiler before and after, so that the host can scale the
operations to what the model really takes, and say by how much the profiler inflated them.
"""

from __future__ import annotations

import signal
import time
from typing import Any, Callable, Dict, List

from . import engines, sites, wire
from .conditions import Sampler
from .failure import Failure
from .measure import load
from .pipelines import is_users, make_feed, pipeline_failure, require_fit
from .samples import Release
from .sensors import Sensors

Emit = Callable[..., None]
clock = time.perf_counter_ns

WARMUP_RUNS = 5


def profile(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Emits ``profile``; see wire.py."""
    if request.get("deadline_s"):
        signal.alarm(int(request["deadline_s"]) + 1)
    sites.use(request.get("site", []))
    release = Release(request["release_path"])
    engine = engines.find_engine(request["engine"])
    runs = max(1, int(request["runs"]))
    with Sampler(Sensors(request.get("sysfs", "/")), emit) as sampler:
        session = load(engine, release, request, {})[0]
        sampler.phase = "profile"
        try:
            batch = int(request.get("batch", 1))
            feed = make_feed(session, release, request.get("input", "golden"), batch)
            values = feed.before(0)
            if engine.DISTRIBUTIONS:
                require_fit(session.inputs, values)
            before = time_whole(session, values, runs)
            found = session.profile(values, runs)
            plain = before + time_whole(session, values, runs)
        except Failure:
            raise
        except Exception as error:
            if is_users(error):
                raise pipeline_failure(error) from error
            raise sites.refused(engine, "failed while it was profiled", error) from error
    if not found.operations:
        text = "%s told no operation" % engine.TITLE
        raise Failure(wire.ERROR_ENGINE_FAILED, text)
    emit(
        "profile",
        engine=engine.NAME,
        version=session.version,
        method=found.method,
        unprofiled_ns=sorted(plain)[len(plain) // 2],
        profiled_ns=found.total_ns,
        operations=[list(operation) for operation in found.operations],
    )


def time_whole(session: Any, values: List[Any], runs: int) -> List[int]:  # Any: arrays
    """Whole inferences without a profiler, after some that do not count."""
    times = []
    for i in range(WARMUP_RUNS + runs):
        begin = clock()
        session.run(values)
        spent_ns = clock() - begin
        if i >= WARMUP_RUNS:
            times.append(spent_ns)
    return times
