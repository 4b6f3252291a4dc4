"""Profiles a release on its board, scales what the engine told, and writes it as a Chrome trace."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from edgekit.boards.session import RunnerSession
from edgekit.core.errors import RunnerFailed
from edgekit.core.measurement import RunOptions
from edgekit.core.operations import OperationProfile, OperationTime
from edgekit.measure.board_run import EMULATED_FACTOR, RunTarget, model_facts

PROFILE_TIMEOUT_S = 600
MOST_RUNS = 50
"""The mean of so many is steady enough for shares."""


def profile_on_board(
    session: RunnerSession,
    target: RunTarget,
    options: RunOptions,
    *,
    on_event: Callable[[Mapping[str, Any]], None] = lambda event: None,  # Any: JSON
) -> OperationProfile:
    """Times per operation of a release.

    Raises:
        RunnerFailed: the engine cannot tell, or the runner broke off.
        BoardError: the board was lost.
    """
    limit_s = PROFILE_TIMEOUT_S * (EMULATED_FACTOR if target.entry.emulated else 1)
    request = {
        "release_path": target.deployment.release_path,
        "site": list(target.site),
        "engine": options.engine,
        "threads": options.threads,
        "runs": min(options.runs, MOST_RUNS),
        "batch": options.batch,
        "input": options.input,
        "engine_options": dict(options.engine_options),
        "deadline_s": limit_s,
    }
    for event in session.call("profile", request, timeout_s=limit_s, on_event=on_event):
        if event["event"] == "profile":
            try:
                return make_profile(event, target, options)
            except (KeyError, TypeError, ValueError) as err:
                raise RunnerFailed(f"the runner's profile is not understood: {err}") from err
    raise RunnerFailed("the runner gave no profile")


def make_profile(
    event: Mapping[str, Any], target: RunTarget, options: RunOptions
) -> OperationProfile:  # Any: JSON
    """The record of a ``profile`` event: every time divided by what the profiler inflated."""
    unprofiled_ns, profiled_ns = float(event["unprofiled_ns"]), float(event["profiled_ns"])
    told = [(str(n), str(t), str(w), float(ns)) for n, t, w, ns in event["operations"]]
    whole_ns = max(profiled_ns, sum(ns for *_, ns in told))
    if whole_ns <= 0 or unprofiled_ns <= 0:
        raise ValueError("no time was spent")
    scale_ms = unprofiled_ns / whole_ns / 1e6
    operations = tuple(
        OperationTime(name, kind, where, ns * scale_ms, ns / whole_ns)
        for name, kind, where, ns in told
    )
    return OperationProfile(
        id=f"ops-{secrets.token_hex(4)}",
        board=target.entry.name,
        machine=target.machine,
        mode=target.entry.mode,
        engine=str(event["engine"]),
        engine_version=str(event["version"]),
        threads=options.threads,
        batch=options.batch,
        model=model_facts(target.artifact),
        method=str(event["method"]),
        unprofiled_ms=unprofiled_ns / 1e6,
        profiled_ms=profiled_ns / 1e6,
        operations=operations,
        outside_ms=max(unprofiled_ns / 1e6 - sum(o.time_ms for o in operations), 0.0),
        measured_utc=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )


def chrome_trace(profile: OperationProfile) -> dict[str, Any]:  # Any: JSON
    """One inference as a trace for chrome://tracing or ui.perfetto.dev: scaled times, in order.

    Source: Trace Event Format (Google, 2016): complete events ``X``, microseconds.
    """
    events: list[dict[str, Any]] = [  # Any: JSON
        {
            "ph": "M",
            "pid": 1,
            "tid": 1,
            "name": "process_name",
            "args": {"name": f"{profile.model['name']} on {profile.board} ({profile.engine})"},
        }
    ]
    at_us = 0.0
    for operation in profile.operations:
        spent_us = operation.time_ms * 1e3
        events.append(
            {
                "ph": "X",
                "pid": 1,
                "tid": 1,
                "cat": operation.type,
                "name": operation.name,
                "ts": round(at_us, 3),
                "dur": round(spent_us, 3),
                "args": {"where": operation.where, "share": round(operation.share, 6)},
            }
        )
        at_us += spent_us
    return {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {
            "method": profile.method,
            "inflation": round(profile.inflation, 4),
            "mode": profile.mode.value,
            "note": "times are scaled to an inference without the profiler; order as executed",
        },
    }
