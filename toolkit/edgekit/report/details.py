"""What a page has room for beside the answer: distributions, the course of the run, limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from edgekit.core.lag import Roofline
from edgekit.core.measurement import Condition, Measurement
from edgekit.core.mode import Mode
from edgekit.core.record import Unavailable
from edgekit.core.units import NS_PER_S, format_count, format_ms
from edgekit.report.charts.distribution import Series
from edgekit.report.charts.roofline import speed_of
from edgekit.report.input import ReportInput
from edgekit.report.operations import operations_section
from edgekit.report.reproduction import reproduction_section
from edgekit.report.run_facts import throttled_spans
from edgekit.report.section import Section, show_estimate

PERCENTILES = ("p50", "p90", "p95", "p99", "p99.9")
SHOWN_RUNS = 5
"""More distributions in one picture could not be told apart."""


def details(report: ReportInput) -> tuple[Section, ...]:
    """Every section of detail that the records allow."""
    return tuple(_details(report))


def series_of(report: ReportInput) -> tuple[Series, ...]:
    """The edge first, then the cloud over each network, then other runs."""
    several = []
    if report.measurement is not None:
        stamp = _stamp(report.measurement.mode)
        several.append((f"edge: {report.measurement.board}{stamp}", report.measurement))
    found = [(name, m.samples_ns["total"], m.summaries["total"]) for name, m in several]
    for trip in report.trips:
        if trip.samples_ns.get("total"):
            where = f"over {trip.network.id}" if trip.network else "direct"
            name = f"cloud {where}{_stamp(trip.mode)}"
            found.append((name, trip.samples_ns["total"], trip.summaries["total"]))
    found += [
        (f"{m.id}{_stamp(m.mode)}", m.samples_ns["total"], m.summaries["total"])
        for m in report.more_measurements[:SHOWN_RUNS]
    ]
    return tuple(
        Series(name, f"series{i % 6}", samples, summary)
        for i, (name, samples, summary) in enumerate(found)
    )


def _details(report: ReportInput) -> Iterator[Section]:
    several = series_of(report)
    if several:
        yield _distribution(several)
    if report.measurement is not None:
        yield _course(report.measurement)
    if report.operations is not None:
        yield operations_section(report.operations)
    if report.lag is not None and isinstance(report.lag.roofline, Roofline):
        yield _roofline(report.lag.roofline)
    yield from reproduction_section(report)


def _stamp(mode: Mode) -> str:
    return "" if mode is Mode.MEASURED else f" [{mode.value}]"


def _distribution(several: Sequence[Series]) -> Section:
    rows = tuple(
        (
            series.name,
            str(series.summary.sample_count),
            f"{series.summary.effective_sample_count:.0f}",
            *(show_estimate(series.summary.percentiles_ms[name]) for name in PERCENTILES),
            format_ms(series.summary.min_ms),
            format_ms(series.summary.max_ms),
        )
        for series in several
    )
    headers = ("side", "samples", "independent", *PERCENTILES, "least", "most")
    notes = ("brackets and shaded bands: 95 % confidence; -: too few samples to bound it",)
    return Section("How the latency is distributed", headers, rows, notes, "distribution")


def _course(measurement: Measurement) -> Section:
    """The board's state over the run, and what it means for the figures."""
    rows = tuple(_state_rows(measurement.conditions))
    spans = tuple(throttled_spans(measurement.conditions))
    notes = [
        f"slowed down by heat or power from {begin / NS_PER_S:.1f} s to {end / NS_PER_S:.1f} s"
        for begin, end in spans
    ]
    notes.append(f"stamp: {measurement.stamp.value}")
    for note in measurement.validity:
        cure = f" -> {note.cure}" if note.cure else ""
        notes.append(f"{note.level.value}: {note.message}{cure}")
    if measurement.incomplete:
        notes.append(f"incomplete: {measurement.incomplete}")
    headers = ("state of the board", "begin", "end", "lowest", "highest")
    return Section("How the run went", headers, rows, tuple(notes), "timeline")


def _state_rows(conditions: Sequence[Condition]) -> Iterator[tuple[str, ...]]:
    quantities: tuple[tuple[str, str, Callable[[Condition], float | None]], ...] = (
        ("temperature", "{:.1f} C", lambda c: c.temperature_c),
        ("clock", "{:.0f} MHz", lambda c: c.firmware_clock_mhz or c.clock_mhz),
        ("load of the last minute", "{:.2f}", lambda c: c.load_1min),
        ("free memory", "{:.0f} MB", lambda c: c.free_memory_mb),
        ("power", "{:.0f} mW", lambda c: c.power_mw),
        ("cooling level", "{:.0f}", lambda c: c.cooling_level),
    )
    for name, form, get in quantities:
        values = [value for value in map(get, conditions) if value is not None]
        if values:
            shown = (values[0], values[-1], min(values), max(values))
            yield (name, *(form.format(value) for value in shown))
    totals: tuple[tuple[str, Callable[[Condition], int | None]], ...] = (
        ("waiting for a processor (PSI)", lambda c: c.cpu_pressure_us),
        ("waiting for memory (PSI)", lambda c: c.memory_pressure_us),
        ("waiting for storage (PSI)", lambda c: c.io_pressure_us),
    )
    for name, count in totals:
        found = [value for value in map(count, conditions) if value is not None]
        if len(found) > 1:
            spent = format_ms((found[-1] - found[0]) / 1e3)
            yield name, "", f"{spent} over the run", "", ""
    bits = [c.throttled for c in conditions if c.throttled]
    if bits:
        yield "throttle bits", bits[0], bits[-1], "", max(bits, key=lambda text: int(text, 16))


def _roofline(roofline: Roofline) -> Section:
    """What bounds the model and its operation types, and how far they are from it."""
    rows, values = [], []
    for p in roofline.points:
        bound = "memory" if p.intensity < roofline.ridge else "arithmetic"
        speed = speed_of(p)
        shown = "-" if isinstance(p.time_ms, Unavailable) else format_ms(p.time_ms)
        reached = f"{format_count(speed)}MAC/s" if speed else "-"
        rows.append((p.name, bound, f"{p.intensity:.3g}", format_ms(p.floor_ms), shown, reached))
        known = None if isinstance(p.time_ms, Unavailable) else p.time_ms
        values.append((None, None, p.intensity, p.floor_ms, known, speed or None))
    notes = (
        f"limits [{roofline.basis.value}]: {format_count(roofline.peak_macs_per_s)}MAC/s in "
        f"{roofline.precision}, {format_count(roofline.bandwidth_bytes_per_s)}B/s, ridge at "
        f"{roofline.ridge:.3g} MAC per byte ({roofline.source})",
        "bytes: weights and activations read or written once, a lower bound",
    )
    headers = ("", "bound by", "MAC per byte", "least time", "measured", "speed")
    return Section("Roofline", headers, tuple(rows), notes, "roofline", tuple(values))
