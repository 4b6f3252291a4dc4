"""The samples behind a report as comma-separated values, one row per invocation or request."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edgekit.core.units import NS_PER_MS
from edgekit.report.input import ReportInput

SUFFIX = ".csv"
FIRST = ("record", "subject", "mode", "sample", "start_ms", "total_ms")
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins with one of these is a formula to a spreadsheet.

Source: OWASP, "CSV Injection".
"""


@dataclass(frozen=True)
class Samples:
    """One record's samples."""

    record: str
    subject: str
    mode: str
    starts_ns: Sequence[int]
    samples_ns: Mapping[str, Sequence[int]]


def render(report: ReportInput) -> str:
    """All samples; phases that a record does not have stay empty."""
    several = tuple(_records(report))
    phases = dict.fromkeys(name for one in several for name in one.samples_ns)
    others = [name for name in phases if name != "total"]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*FIRST, *(name if name == "stream" else f"{name}_ms" for name in others)])
    for one in several:
        writer.writerows(_rows(one, others))
    return stream.getvalue()


def _records(report: ReportInput) -> Iterator[Samples]:
    first = () if report.measurement is None else (report.measurement,)
    for m in (*first, *report.more_measurements):
        yield Samples(m.id, f"edge: {m.board}", m.mode.value, m.starts_ns, m.samples_ns)
    for trip in report.trips:
        where = f"over {trip.network.id}" if trip.network else "direct"
        yield Samples(trip.id, f"cloud {where}", trip.mode.value, trip.starts_ns, trip.samples_ns)


def _rows(one: Samples, others: Sequence[str]) -> Iterator[list[object]]:
    head = [_safe(one.record), _safe(one.subject), one.mode]
    empty: Sequence[None] = (None,) * len(one.starts_ns)
    columns = [one.samples_ns.get(name, empty) for name in ("total", *others)]
    for i, (start, *values) in enumerate(zip(one.starts_ns, *columns, strict=False)):
        cells = [
            value if value is None or name == "stream" else value / NS_PER_MS
            for name, value in zip(("total", *others), values, strict=True)
        ]
        yield [*head, i, start / NS_PER_MS, *cells]


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(DANGEROUS) else text
