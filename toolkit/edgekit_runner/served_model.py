"""The active release of an application, loaded, proven by its golden samples, and counted."""

from __future__ import annotations

import resource
import threading
import time
from typing import Any, Dict, List

from . import engines, golden, lease, sites, state, wheels, wire
from .board_metrics import board_lines
from .failure import Failure
from .layout import Home, is_complete
from .samples import Release
from .sensors import Sensors

MAX_TRIES = 3
"""Starts of a release that was never confirmed, before its predecessor takes over."""
BUCKETS_S = tuple(round(0.0005 * 1.5**i, 6) for i in range(24))
"""From half a millisecond to 5.6 s; a percentile out of them is right within a factor of 1.5."""


class ServedModel:
    """One model; inferences run one after the other, as engines want it."""

    def __init__(self, app: str, release: str, threads: int) -> None:
        home = Home()
        self.app = app
        self.version = release
        path = home.release(app, release)
        manifest = state.stored_manifest(path)
        site = wheels.site_path(home, [sha256 for _, sha256, _ in manifest.wheels])
        sites.use([site] if site else [])
        folder = Release(path)
        self.engine = manifest.engine
        self.session = sites.load(engines.find_engine(self.engine), folder.model_path, threads)
        self.deviation = golden.require_golden(self.session, folder)
        self.counters = Counters()
        self.sensors = Sensors()
        self._lock = threading.Lock()
        self._since = 0.0

    def run(self, inputs: List[Any]) -> List[Any]:  # Any: numpy arrays
        """One inference."""
        with self._lock:
            self._since = started = time.monotonic()
            try:
                outputs = self.session.run(inputs)
                return [output.copy() if hasattr(output, "copy") else output for output in outputs]
            finally:
                self._since = 0.0
                self.counters.add(time.monotonic() - started)

    def stuck_s(self) -> float:
        """How long the inference at work has taken; 0 when none is."""
        since = self._since
        return time.monotonic() - since if since else 0.0

    def metrics(self) -> str:
        """The counters in the text form of Prometheus."""
        labels = 'app="%s",release="%s",engine="%s"' % (self.app, self.version, self.engine)
        lines = ["# TYPE edgekit_info gauge", "edgekit_info{%s} 1" % labels]
        return "\n".join(lines + self.counters.lines() + board_lines(self.sensors)) + "\n"


class Counters:
    """What was served."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.outcomes: Dict[str, int] = {"ok": 0, "refused": 0, "failed": 0, "busy": 0}
        self.buckets = [0] * len(BUCKETS_S)
        self.count = 0
        self.sum_s = 0.0
        self.last_error = ""
        self._lock = threading.Lock()

    def add(self, spent_s: float) -> None:
        """Counts an inference."""
        with self._lock:
            self.count += 1
            self.sum_s += spent_s
            for i, limit in enumerate(BUCKETS_S):
                self.buckets[i] += spent_s <= limit

    def answered(self, outcome: str) -> None:
        """Counts a request by how it ended."""
        with self._lock:
            self.outcomes[outcome] += 1

    def lines(self) -> List[str]:
        """Lines of the Prometheus text form."""
        with self._lock:
            found = ["# TYPE edgekit_requests_total counter"]
            found += [
                'edgekit_requests_total{outcome="%s"} %d' % item
                for item in sorted(self.outcomes.items())
            ]
            found.append("# TYPE edgekit_inference_seconds histogram")
            found += [
                'edgekit_inference_seconds_bucket{le="%g"} %d' % (limit, count)
                for limit, count in zip(BUCKETS_S, self.buckets)
            ]
            found.append('edgekit_inference_seconds_bucket{le="+Inf"} %d' % self.count)
            found.append("edgekit_inference_seconds_sum %.9f" % self.sum_s)
            found.append("edgekit_inference_seconds_count %d" % self.count)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        found += ["# TYPE edgekit_peak_memory_bytes gauge", "edgekit_peak_memory_bytes %d" % peak]
        uptime = time.monotonic() - self.started
        return [
            *found,
            "# TYPE edgekit_uptime_seconds gauge",
            "edgekit_uptime_seconds %.3f" % uptime,
        ]


def choose_release(app: str) -> str:
    """The release to serve; one that was never confirmed is tried a few times, then left.

    Raises:
        Failure: the application has no release.
    """
    home = Home()
    with lease.lock(home):
        current = home.current(app)
        stored = state.read(home, app)
        previous = str(stored["previous"])
        if current and stored["pending"] == current:
            stored["tries"] = int(stored["tries"]) + 1
            can_go_back = previous and is_complete(home.release(app, previous))
            if stored["tries"] > MAX_TRIES and can_go_back:
                state.point(home, app, previous)
                stored.update(pending="", tries=0, current=previous, previous="")
                current = previous
            state.write(home, app, stored)
    if not current or not is_complete(home.release(app, current)):
        text = "%s has no release on this board" % app
        raise Failure(wire.ERROR_NO_RELEASE, text, "edgekit deploy ARTIFACT --board BOARD")
    return current
