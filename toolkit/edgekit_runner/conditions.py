"""The sampler: a slow thread beside the timed loop. It reads the board's state, tells the host how
far the run is, sends the samples that are there, and ends the process when nobody listens any more.

It measures its own processor time and slows down by itself before it costs 1 % of a core.
"""

from __future__ import annotations

import os
import resource
import threading
import time
from typing import Any, Callable, Dict, List, Optional

from .power import Energy, find_meter
from .rows import Rows
from .sensors import Sensors

Emit = Callable[..., None]
clock = time.perf_counter_ns

INTERVAL_S = 0.5
LONGEST_INTERVAL_S = 8.0
LARGEST_SHARE = 0.008
"""Of one core; above it the interval doubles, so that the thread stays below 1 %."""
MOST_CONDITIONS = 300
"""Kept per run; a longer run takes every second, then every fourth..."""
SEND_EVERY = 2
"""Ticks between two deliveries of samples."""
LATEST = 501
"""Samples behind the p50 of the progress line."""
LOST_HOST_EXIT = 141
"""As a process ends that writes into a closed pipe."""


class Sampler:
    """Runs from before the engine is imported until the run is over."""

    def __init__(self, sensors: Sensors, emit: Emit) -> None:
        self.sensors = sensors
        self.emit = emit
        self.phase = "import"
        self.rows: List[Rows] = []
        self.is_timed = False
        self.interval_s = INTERVAL_S
        self.ticks = self.taken = self.cpu_ns = 0
        self.stride = 1
        self.begin = self.thread_begin = clock()
        self.energy: Optional[Energy] = None
        self.parent = os.getppid()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._work, name="sampler", daemon=True)

    def __enter__(self) -> Sampler:
        self.thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self.stop.set()
        self.thread.join()

    def begin_timing(self, rows: List[Rows]) -> None:
        """Takes the full state before the first timed inference."""
        self.begin = clock()
        meter = find_meter(self.sensors)
        self.energy = Energy(meter, 0) if meter else None
        self._condition(is_full=True)
        self.rows = rows
        self.phase = "infer"
        self.is_timed = True

    def end_timing(self) -> None:
        """Takes the full state after the last one and stops the thread."""
        self.is_timed = False
        self.stop.set()
        self.thread.join()
        self._condition(is_full=True)
        for rows in self.rows:
            while rows.send(self.emit):
                pass

    def cost(self) -> Dict[str, Any]:  # Any: JSON
        """The thread's own share of one core, with the processes that it started."""
        spent_ns = max(clock() - self.thread_begin, 1)
        return {
            "cpu_share": round((self.cpu_ns + _children_ns()) / spent_ns, 6),
            "interval_s": self.interval_s,
            "ticks": self.ticks,
        }

    def _work(self) -> None:
        while not self.stop.wait(self.interval_s):
            if os.getppid() != self.parent:
                os._exit(LOST_HOST_EXIT)
            try:
                self._tick()
            except (OSError, ValueError):  # the host is gone: nothing may stay running
                os._exit(LOST_HOST_EXIT)
            self.cpu_ns = time.thread_time_ns()
            spent_ns = clock() - self.thread_begin
            if self.cpu_ns + _children_ns() > LARGEST_SHARE * spent_ns and self.ticks > 2:
                self.interval_s = min(self.interval_s * 2, LONGEST_INTERVAL_S)

    def _tick(self) -> None:
        self.ticks += 1
        temperature_c = None
        if self.is_timed:
            temperature_c = self._condition(is_full=False)
        self.emit("progress", **self._progress(temperature_c))
        if self.ticks % SEND_EVERY == 0:
            for rows in self.rows:
                rows.send(self.emit)

    def _progress(self, temperature_c: Optional[float]) -> Dict[str, Any]:  # Any: JSON
        count = sum(len(rows) for rows in self.rows)
        latest = sorted(value for rows in self.rows for value in rows.latest("total", LATEST))
        return {
            "phase": self.phase,
            "count": count,
            "elapsed_ns": clock() - self.begin,
            "p50_ns": latest[len(latest) // 2] if latest else None,
            "temperature_c": temperature_c,
        }

    def _condition(self, *, is_full: bool) -> Optional[float]:
        """Reads the state; emits it unless this is one that a long run leaves out."""
        at_ns = clock() - self.begin
        meter = self.energy.meter if self.energy else None
        power_mw = None
        if self.energy and meter and (is_full or not meter.is_costly or self.ticks % 4 == 0):
            power_mw = self.energy.take(at_ns)
        if not is_full and self.ticks % self.stride:
            return self.sensors.temperature_c()
        found = read_condition(self.sensors, is_full=is_full)
        self.emit("condition", at_ns=at_ns, power_mw=power_mw, **found)
        self.taken += 1
        if self.taken % MOST_CONDITIONS == 0:
            self.stride *= 2
        value = found["temperature_c"]
        return None if value is None else float(value)


def read_condition(sensors: Sensors, *, is_full: bool) -> Dict[str, Any]:  # Any: JSON
    """The board's state now.

    Args:
        sensors: where to read.
        is_full: also what starts a process or does not change during a run.
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    found: Dict[str, Any] = {
        "temperature_c": sensors.temperature_c(),
        "clock_mhz": sensors.clock_mhz(),
        "throttled": sensors.throttled(),
        "cooling_level": sensors.cooling_level(),
        "cpu_pressure_us": sensors.pressure_us("cpu"),
        "memory_pressure_us": sensors.pressure_us("memory"),
        "io_pressure_us": sensors.pressure_us("io"),
        "steal_ticks": sensors.steal_ticks(),
        "load_1min": sensors.load_1min(),
        "free_memory_mb": sensors.free_memory_mb(),
        "rss_bytes": rss_bytes(),
        "voluntary_switches": usage.ru_nvcsw,
        "involuntary_switches": usage.ru_nivcsw,
    }
    if is_full:
        found["throttled"] = sensors.firmware_throttled()
        found["firmware_clock_mhz"] = sensors.firmware_clock_mhz()
        found["governor"] = sensors.governor()
        found["power_mode"] = sensors.power_mode()
    return found


def rss_bytes() -> Optional[int]:
    """Memory of this process that is really in RAM now."""
    try:
        with open("/proc/self/statm", encoding="ascii") as stream:
            return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return None


def _children_ns() -> int:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return int((usage.ru_utime + usage.ru_stime) * 1e9)
