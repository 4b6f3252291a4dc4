"""What the runner says during a run, event by event, as it will stand in the measurement."""

from __future__ import annotations

import binascii
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from edgekit.core.errors import RecordError, RunnerFailed
from edgekit.core.measurement import Condition, Energy, OutputCheck, RunOptions, SamplerCost
from edgekit.core.record import Unavailable, from_plain
from edgekit_runner.rows import unpack

START, CPU, LATENESS = "start", "cpu", "lateness"
SUM = "total"


class Collected:
    """Adds up events; what has arrived is usable at any moment."""

    def __init__(self, options: RunOptions) -> None:
        self.options = options
        self.phase = "start"
        self.engine_version = ""
        self.engine_details: dict[str, str] = {}
        self.placement: dict[str, int] = {}
        self.fallback = ""
        self.once: dict[str, int] = {}
        self.outputs: OutputCheck | None = None
        self.conditions: list[Condition] = []
        self.wait_ns: int | Unavailable = Unavailable("the kernel does not offer schedstat")
        self.peak_memory_bytes: int | Unavailable = Unavailable("the runner did not tell")
        self.timer_overhead_ns = 0
        self.timed_ns = 0
        self.ended = ""
        self.energy: Energy | Unavailable = Unavailable("no power sensor that could be read")
        self.sampler: SamplerCost | None = None
        self._columns: tuple[str, ...] = ()
        self._streams: dict[int, list[array[int]]] = {}

    @property
    def count(self) -> int:
        """Invocations that have arrived."""
        return sum(len(columns[0]) for columns in self._streams.values() if columns)

    def take(self, event: Mapping[str, Any]) -> None:  # Any: JSON
        """Adds one event.

        Raises:
            RunnerFailed: it is not what the wire language says.
        """
        kind = event["event"]
        fields = {key: value for key, value in event.items() if key != "event"}
        method = getattr(self, f"_take_{kind}", None)
        if method is None:
            return
        try:
            method(fields)
        except (
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            RecordError,
            binascii.Error,
        ) as err:
            raise RunnerFailed(f"the runner's {kind} event is not understood: {err}") from err

    def samples(self) -> tuple[dict[str, tuple[int, ...]], tuple[int, ...]]:
        """Samples per phase and starts, of all streams in the order of their starts.

        Raises:
            RunnerFailed: there are none.
        """
        if not self.count:
            raise RunnerFailed("the runner gave no samples")
        merged = self._merged()
        starts = tuple(merged.pop(START))
        if self.options.threads != 1:
            merged.pop(CPU, None)
        lateness = merged.pop(LATENESS, [])
        if self.options.rate_hz:
            merged[LATENESS] = lateness
            merged["response"] = [a + b for a, b in zip(lateness, merged[SUM], strict=True)]
        return {name: tuple(values) for name, values in merged.items()}, starts

    def _merged(self) -> dict[str, list[int]]:
        names = self._columns
        if len(self._streams) == 1:
            (columns,) = self._streams.values()
            return {name: list(values) for name, values in zip(names, columns, strict=True)}
        rows = sorted(
            (*row, stream)
            for stream, columns in self._streams.items()
            for row in zip(*columns, strict=True)
        )
        found = zip(*rows, strict=True)
        return {name: list(values) for name, values in zip((*names, "stream"), found, strict=True)}

    def _take_progress(self, fields: Mapping[str, Any]) -> None:  # Any: JSON
        self.phase = str(fields["phase"])

    def _take_engine(self, fields: Mapping[str, Any]) -> None:  # Any: JSON
        self.engine_version = str(fields["version"])
        self.engine_details = {str(k): str(v) for k, v in fields["details"].items()}
        self.placement = {str(k): int(v) for k, v in fields["placement"].items()}
        self.fallback = str(fields["fallback"])

    def _take_once(self, fields: Mapping[str, Any]) -> None:  # Any: JSON
        self.once[str(fields["phase"])] = int(fields["ns"])

    def _take_outputs(self, fields: Mapping[str, Any]) -> None:  # Any: JSON
        self.outputs = from_plain(OutputCheck, dict(fields))

    def _take_condition(self, fields: Mapping[str, Any]) -> None:  # Any: JSON
        self.conditions.append(from_plain(Condition, dict(fields)))

    def _take_rows(self, fields: Mapping[str, Any]) -> None:  # Any: JSON
        found = unpack(fields)
        names = tuple(found)
        if self._columns and names != self._columns:
            raise ValueError(f"columns changed to {names}")
        if START not in names or SUM not in names:
            raise ValueError(f"columns {names} lack {START} or {SUM}")
        self._columns = names
        columns = self._streams.setdefault(int(fields["stream"]), [array("q") for _ in names])
        for column, values in zip(columns, found.values(), strict=True):
            column.extend(values)

    def _take_summary(self, fields: Mapping[str, Any]) -> None:  # Any: JSON
        if fields["wait_ns"] is not None:
            self.wait_ns = max(int(fields["wait_ns"]), 0)
        if fields["peak_memory_bytes"] is not None:
            self.peak_memory_bytes = int(fields["peak_memory_bytes"])
        self.timer_overhead_ns = int(fields["timer_overhead_ns"])
        self.timed_ns = int(fields["wall_ns"])
        self.ended = str(fields["ended"])
        self.sampler = from_plain(SamplerCost, fields["sampler"])
        if fields["energy"] is not None:
            self.energy = from_plain(Energy, fields["energy"])


def busy_ns(totals: Sequence[int], options: RunOptions) -> int:
    """Time during which threads of the runner could have waited for a processor."""
    return sum(totals) * options.threads
