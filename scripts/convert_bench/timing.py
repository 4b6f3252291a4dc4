"""Times every artifact of a model in one process, in interleaved rounds.

request  {"samples": PATH, "names": [NAME], "artifacts": [{"engine", "model"}], "rounds": N, "threads": N}
reply    {"medians_ns": [[NS per round] per artifact, empty where it cannot run]}

A round runs one artifact after the other, so that a slow spell of the machine falls on all of them.
"""

from __future__ import annotations

import gc
import time
from typing import Any

from convert_bench.feeding import read_samples

WARMUP = 5
ROUND_NS = 200_000_000
FEWEST_RUNS, MOST_RUNS = 5, 300


def main(request: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """See the module's docstring."""
    from convert_bench.sessions import Artifact

    inputs = read_samples(request["samples"])
    sources = [(n, a.shape[1:]) for n, a in zip(request["names"], inputs, strict=True)]
    sample = [array[0] for array in inputs]
    loaded: list[Any] = []  # Any: a session with its feed, or None
    for item in request["artifacts"]:
        try:
            artifact = Artifact(item["engine"], item["model"], sources, request["threads"])
            feed = artifact.feed(sample)
            artifact.session.run(feed)
            loaded.append((artifact.session, feed))
        except Exception:  # noqa: BLE001  the judging says why
            loaded.append(None)
    medians: list[list[int]] = [[] for _ in loaded]
    gc.disable()
    for _ in range(request["rounds"]):
        for found, pair in zip(medians, loaded, strict=True):
            if pair is not None:
                found.append(_median_ns(*pair))
    return {"medians_ns": medians}


def _median_ns(session: Any, feed: list[Any]) -> int:  # Any: a session, arrays
    clock = time.perf_counter_ns
    for _ in range(WARMUP):
        session.run(feed)
    taken: list[int] = []
    begin = clock()
    while len(taken) < FEWEST_RUNS or (clock() - begin < ROUND_NS and len(taken) < MOST_RUNS):
        started = clock()
        session.run(feed)
        taken.append(clock() - started)
    return sorted(taken)[len(taken) // 2]
