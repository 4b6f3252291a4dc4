"""Locust at a constant pace: when each task began, in nanoseconds, one line per task."""

from __future__ import annotations

import os
import time

from locust import User, constant_throughput, task

STARTS: list[int] = []


class Paced(User):  # type: ignore[misc]  # locust is not typed here
    """Does nothing but say when it was asked to begin."""

    wait_time = constant_throughput(float(os.environ["PACE_RATE"]))

    @task  # type: ignore[untyped-decorator]  # locust is not typed here
    def note(self) -> None:
        """One request that costs nothing."""
        STARTS.append(time.perf_counter_ns())

    def on_stop(self) -> None:
        """Writes what was seen."""
        with open(os.environ["PACE_FILE"], "w", encoding="ascii") as stream:
            stream.write("\n".join(map(str, STARTS)))
