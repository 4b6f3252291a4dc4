"""Combinations of settings in several launches, in an order that no drift of the board can favour.

Every round runs each combination once, in random order, in a process of its own: what the board
does over time falls on all of them alike, and the differences between launches become visible.

Source: Kalibera & Jones, "Rigorous benchmarking in reasonable time", ISMM 2013 (repeat where the
variance is); TFLite's benchmark_model_performance_options (random order of options).
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from edgekit.core.measurement import Measurement, RunOptions
from edgekit.core.record import Unavailable
from edgekit.core.run_set import Across, Cell, Launch, RunSet
from edgekit.core.units import NS_PER_MS
from edgekit.measure.stats import launches_of
from edgekit.measure.validity import worst


@dataclass(frozen=True)
class Matrix:
    """What to combine."""

    threads: tuple[int, ...] = ()
    batches: tuple[int, ...] = ()
    engines: tuple[str, ...] = ()
    launches: int = 1
    seed: int = 0

    @property
    def is_single(self) -> bool:
        """True when it is one run."""
        several = (self.threads, self.batches, self.engines)
        return self.launches == 1 and all(len(values) <= 1 for values in several)


@dataclass(frozen=True)
class Turn:
    """One process to start: which cell, in which round."""

    cell: int
    round: int


def make_cells(base: RunOptions, matrix: Matrix) -> tuple[RunOptions, ...]:
    """Every combination, as options.

    Example:
        >>> base = RunOptions("litert", 4, 300, 20)
        >>> [o.threads for o in make_cells(base, Matrix(threads=(1, 2)))]
        [1, 2]
    """
    return tuple(
        replace(base, engine=engine, threads=threads, batch=batch)
        for engine, threads, batch in product(
            matrix.engines or (base.engine,),
            matrix.threads or (base.threads,),
            matrix.batches or (base.batch,),
        )
    )


def make_order(cell_count: int, matrix: Matrix) -> Iterator[Turn]:
    """The turns: each round holds every cell once, shuffled by the seed."""
    generator = random.Random(matrix.seed)  # noqa: S311  an order, not a secret
    for number in range(matrix.launches):
        cells = list(range(cell_count))
        generator.shuffle(cells)
        yield from (Turn(cell, number) for cell in cells)


def make_run_set(
    cells: Sequence[RunOptions], turns: Sequence[tuple[Turn, Measurement]], *, seed: int
) -> RunSet:
    """The record of a set of runs, in which every cell has its launches in order."""
    first = turns[0][1]
    found: list[list[Launch]] = [[] for _ in cells]
    totals: list[list[list[float]]] = [[] for _ in cells]
    for order, (turn, measurement) in enumerate(turns):
        found[turn.cell].append(_launch(measurement, order))
        totals[turn.cell].append([v / NS_PER_MS for v in measurement.samples_ns["total"]])
    return RunSet(
        board=first.board,
        artifact=first.model["name"],
        machine=first.machine,
        seed=seed,
        cells=tuple(
            Cell(options, tuple(launches), _across(samples))
            for options, launches, samples in zip(cells, found, totals, strict=True)
            if launches
        ),
        measured_utc=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )


def _across(samples: Sequence[Sequence[float]]) -> Across | Unavailable:
    found = launches_of(samples)
    if isinstance(found, Unavailable):
        return found
    return Across(found.estimate, found.between_share, found.within_share, found.advice)


def _launch(measurement: Measurement, order: int) -> Launch:
    found = measurement.summaries["total"].percentiles_ms
    p50, p95 = found["p50"], found["p95"]
    values = sorted(measurement.samples_ns["total"])
    middle_ms = values[len(values) // 2] / 1e6
    return Launch(
        measurement=measurement.id,
        order=order,
        p50_ms=middle_ms if isinstance(p50, Unavailable) else p50.value,
        p95_ms=None if isinstance(p95, Unavailable) else p95.value,
        throughput_hz=measurement.throughput_hz,
        doubt=worst(measurement.validity),
    )
