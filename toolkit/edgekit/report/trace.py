"""The runs and requests of a report as a Chrome trace, for ui.perfetto.dev and chrome://tracing.

Source: Trace Event Format (Google, 2016): complete events ``X`` and counters ``C``, microseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edgekit.core.measurement import Condition
from edgekit.report.input import ReportInput

SUFFIX = ".trace"
EDGE_PHASES = ("preprocess", "infer", "postprocess")
CLOUD_PHASES = ("encode", "round_trip", "decode")
Event = dict[str, Any]  # Any: JSON


def render(report: ReportInput) -> str:
    """Every invocation with its phases; the board's state as counters beside them."""
    events: list[Event] = []
    first = () if report.measurement is None else (report.measurement,)
    for process, m in enumerate((*first, *report.more_measurements), start=1):
        events.append(_name(process, f"{m.model['name']} on {m.board} [{m.mode.value}]"))
        events += _spans(process, m.starts_ns, m.samples_ns, EDGE_PHASES)
        events += _counters(process, m.conditions)
    for process, trip in enumerate(report.trips, start=1001):
        where = f"over {trip.network.id}" if trip.network else "direct"
        events.append(_name(process, f"{trip.model_name} {where} [{trip.mode.value}]"))
        events += _spans(process, trip.starts_ns, trip.samples_ns, CLOUD_PHASES)
    document = {"traceEvents": events, "displayTimeUnit": "ms"}
    return json.dumps(document, separators=(",", ":")) + "\n"


def _name(process: int, words: str) -> Event:
    return {"ph": "M", "pid": process, "tid": 0, "name": "process_name", "args": {"name": words}}


def _spans(
    process: int,
    starts_ns: Sequence[int],
    samples_ns: Mapping[str, Sequence[int]],
    phases: Sequence[str],
) -> Iterator[Event]:
    """The invocation, and inside it its phases one after the other."""
    streams = samples_ns.get("stream", ())
    known = [(name, samples_ns[name]) for name in phases if name in samples_ns]
    for i, (start, total) in enumerate(zip(starts_ns, samples_ns["total"], strict=False)):
        thread = streams[i] if streams else 0
        yield _span(process, thread, "invocation", start, total)
        at = start
        for name, values in known:
            yield _span(process, thread, name, at, values[i])
            at += values[i]


def _span(process: int, thread: int, name: str, start_ns: int, spent_ns: int) -> Event:
    return {
        "ph": "X",
        "pid": process,
        "tid": thread,
        "name": name,
        "ts": start_ns / 1e3,
        "dur": spent_ns / 1e3,
    }


def _counters(process: int, conditions: Sequence[Condition]) -> Iterator[Event]:
    for c in conditions:
        for name, value in (("temperature C", c.temperature_c), ("clock MHz", c.clock_mhz)):
            if value is not None:
                yield {
                    "ph": "C",
                    "pid": process,
                    "tid": 0,
                    "name": name,
                    "ts": c.at_ns / 1e3,
                    "args": {"value": value},
                }
