"""What the engine reaches at its best on this board, and how fast its memory is.

The host sends matrix products as model files; the fastest run of each gives the peak, because what
disturbs a run only ever adds to it. Memory is copied by as many threads as the engine has.
"""

from __future__ import annotations

import base64
import os
import signal
import tempfile
import threading
import time
from typing import Any, Callable, Dict, List

from . import engines, sites
from .conditions import Sampler
from .sensors import Sensors

Emit = Callable[..., None]
clock = time.perf_counter_ns

WARMUP_RUNS = 3
LEAST_RUNS = 5
COPY_SIZES = (1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26)
"""Bytes read and written by all threads together: from a core's own cache to main memory."""
COPY_NS = 60 * 10**6


def calibrate(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Emits ``calibration``; see wire.py."""
    if request.get("deadline_s"):
        signal.alarm(int(request["deadline_s"]) + 1)
    sites.use(request.get("site", []))
    engine = engines.find_engine(request["engine"])
    threads = int(request["threads"])
    budget_ns = int(float(request.get("seconds", 0.4)) * 1e9)
    with Sampler(Sensors(request.get("sysfs", "/")), emit) as sampler:
        sampler.phase = "calibrate"
        try:
            engine.library()
        except ImportError as error:
            raise sites.missing(engine, error) from error
        peaks: Dict[str, float] = {}
        version = ""
        for name, model in sorted(request["models"].items()):
            with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
                path = os.path.join(folder, "model." + request["format"])
                with open(path, "wb") as stream:
                    stream.write(base64.b64decode(model))
                session = sites.load(engine, path, threads, request.get("engine_options"))
                peaks[name] = _fastest_ns(session, budget_ns)
                version = session.version
                del session
        bandwidth = {str(size): _copied_bytes_per_s(size, threads) for size in COPY_SIZES}
    emit(
        "calibration",
        engine=engine.NAME,
        version=version,
        fastest_ns=peaks,
        bandwidth={size: rate for size, rate in bandwidth.items() if rate},
    )


def _fastest_ns(session: Any, budget_ns: int) -> float:  # Any: a Session
    """The engine's own call on inputs in place, over and over until the budget is spent."""
    from .samples import random_inputs

    session.bind(random_inputs(session.inputs))
    run = session.native()
    for _ in range(WARMUP_RUNS):
        run()
    begin = clock()
    fastest = count = 0
    while count < LEAST_RUNS or clock() - begin < budget_ns:
        before = clock()
        run()
        spent = clock() - before
        fastest = min(fastest or spent, spent)
        count += 1
    return float(fastest)


def _copied_bytes_per_s(size: int, threads: int) -> float:
    """The fastest copies of ``size / 2`` bytes by all threads, read and written bytes counted.

    A floor has to be one: what other work takes away during a copy must not raise it.
    """
    try:
        import numpy
    except ImportError:
        return _plain_copy(size)
    threads = min(threads, len(os.sched_getaffinity(0)))
    part = max(size // 2 // threads // 8, 1)
    pairs = [(numpy.ones(part), numpy.ones(part)) for _ in range(threads)]  # all pages are there
    moved = 2 * 8 * part
    rates: List[float] = [0.0] * threads

    def work(k: int) -> None:
        source, place = pairs[k]
        gate.wait()
        begin = clock()
        count = 0
        while count < LEAST_RUNS or clock() - begin < COPY_NS:
            before = clock()
            numpy.copyto(place, source)
            rates[k] = max(rates[k], moved / max(clock() - before, 1) * 1e9)
            count += 1

    gate = threading.Barrier(threads)
    workers = [threading.Thread(target=work, args=(k,), daemon=True) for k in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(rates)


def _plain_copy(size: int) -> float:
    source, place = bytearray(size // 2), bytearray(size // 2)
    view, best = memoryview(place), 0.0
    begin = clock()
    while clock() - begin < COPY_NS:
        before = clock()
        view[:] = source
        best = max(best, size / max(clock() - before, 1) * 1e9)
    return best
