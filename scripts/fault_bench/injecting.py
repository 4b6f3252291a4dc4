"""Puts faults there, and takes them away."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from edgekit.core.measurement import Condition, Measurement
from fault_bench.faults import BUSY, Fault

HOG = "while True: pass"
BEST_MHZ = 2000.0
BEGINS = 0.1
"""Of the run before the clock falls."""


@contextmanager
def hogs(count: int) -> Iterator[None]:
    """Computing processes beside the run, ended by their ids."""
    processes = [subprocess.Popen([sys.executable, "-c", HOG]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextmanager
def fewer_cores(cores: tuple[int, ...]) -> Iterator[None]:
    """Everything that this process starts meanwhile has these processors only."""
    before = os.sched_getaffinity(0)
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pipeline_of(fault: Fault | None, folder: Path) -> Path:
    """The user's own steps, which take what the fault says; nothing without one."""
    before, after = (fault.before_ms, fault.after_ms) if fault else (0.0, 0.0)
    path = folder / "pipeline.py"
    path.write_text(BUSY.format(before=before / 1e3, after=after / 1e3), encoding="utf-8")
    return path


def slowed(measured: Measurement, fault: Fault) -> Measurement:
    """The run as it would be at a lower clock: samples stretched, the clock beside them.

    The machine that stands in for a board shows no clock; what a board would show is put there.
    """
    count = len(measured.samples_ns["total"])
    first = 0 if fault.governor else int(count * BEGINS)
    factor = 1 / fault.clock_share
    stretched = {
        name: tuple(int(v * factor) if i >= first else v for i, v in enumerate(values))
        for name, values in measured.samples_ns.items()
        if name in ("preprocess", "infer", "postprocess")
    }
    total = tuple(map(sum, zip(*stretched.values(), strict=True)))
    kept = {k: v for k, v in measured.samples_ns.items() if k not in (*stretched, "total", "cpu")}
    slow_mhz = BEST_MHZ * fault.clock_share
    clocks = [slow_mhz if fault.governor else BEST_MHZ, *[slow_mhz] * 9]
    conditions = tuple(
        Condition(
            at_ns=i * 10**8,
            clock_mhz=mhz,
            temperature_c=60.0 + 3 * i if not fault.governor else 45.0,
            throttled="4" if mhz < BEST_MHZ and not fault.governor else "0",
            governor=fault.governor or "ondemand",
        )
        for i, mhz in enumerate(clocks)
    )
    return replace(measured, samples_ns=kept | stretched | {"total": total}, conditions=conditions)
