"""Times per node from ONNX Runtime's profiler, which writes a Chrome trace."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from typing import Any, Dict, List, Tuple

from .engines.contract import OperationTime, Profile

METHOD = "ONNX Runtime profiler (kernel times, 1 us steps)"
KERNEL = "_kernel_time"
WARMUP_RUNS = 2


def profile_session(owner: Any, inputs: List[Any], runs: int) -> Profile:  # Any: OnnxSession
    """The mean kernel time of each node, from a session with the profiler on."""
    folder = tempfile.mkdtemp(prefix="edgekit-profile-")
    try:
        settings = owner.settings()
        settings.enable_profiling = True
        settings.profile_file_prefix = os.path.join(folder, "ort")
        session = owner.library.InferenceSession(
            owner.model_path, settings, providers=owner.session.get_providers()
        )
        feed = dict(zip(owner.names, inputs))
        for _ in range(WARMUP_RUNS + runs):
            session.run(None, feed)
        with open(session.end_profiling(), encoding="utf-8") as stream:
            return parse_trace(json.load(stream), runs)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def parse_trace(events: List[Dict[str, Any]], runs: int) -> Profile:  # Any: JSON
    """The means over the last ``runs`` runs of a trace."""
    totals = [event for event in events if event.get("name") == "model_run"][-runs:]
    begin_us = min((event["ts"] for event in totals), default=0)
    sums: Dict[Tuple[str, str, str], float] = {}
    for event in events:
        name = str(event.get("name", ""))
        if event.get("cat") != "Node" or not name.endswith(KERNEL) or event["ts"] < begin_us:
            continue
        found = event.get("args", {})
        key = (name[: -len(KERNEL)], found.get("op_name", "?"), found.get("provider", "?"))
        sums[key] = sums.get(key, 0.0) + event["dur"] * 1e3
    count = max(len(totals), 1)
    operations = [
        OperationTime(key[0], key[1], key[2], value / count) for key, value in sums.items()
    ]
    return Profile(METHOD, operations, sum(event["dur"] for event in totals) * 1e3 / count)
