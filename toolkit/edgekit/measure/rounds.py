"""Edge and cloud in turn: the order of the blocks, and the rounds as one record per side. Pure.

The order turns round with every round (edge cloud, cloud edge, ...), so that a drift that goes on
over the whole comparison, and what one side leaves behind for the next, favours neither.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgekit.core.estimate import summarize
from edgekit.core.measurement import Energy, Measurement, ValidityNote
from edgekit.core.network import CloudTrip
from edgekit.core.record import Unavailable
from edgekit.core.units import NS_PER_MS
from edgekit.measure.stats import median
from edgekit.measure.trips import judge_trip
from edgekit.measure.validity import judge_samples

EDGE, CLOUD = "edge", "cloud"


@dataclass(frozen=True)
class Block:
    """One side of one round, and when it began on the host's clock."""

    round: int
    side: str
    begun_ns: int = 0


def make_order(rounds: int) -> tuple[Block, ...]:
    """The blocks in the order in which they are to run.

    Example:
        >>> [block.side for block in make_order(2)]
        ['edge', 'cloud', 'cloud', 'edge']
    """
    blocks: list[Block] = []
    for number in range(rounds):
        sides = (CLOUD, EDGE) if number % 2 else (EDGE, CLOUD)
        blocks += [Block(number, side) for side in sides]
    return tuple(blocks)


def share_of(total: int, rounds: int, *, fewest: int) -> int:
    """Samples of one round; so few that a median has no interval are never taken."""
    return max(-(-total // rounds), fewest)


def join_measurements(parts: Sequence[tuple[int, Measurement]]) -> Measurement:
    """The rounds of the board as one run.

    Args:
        parts: for each round when it began on the host's clock, in ns, and its record.
    """
    first = parts[0][1]
    if len(parts) == 1:
        return first
    runs = [measurement for _, measurement in parts]
    starts = _joined_starts([(begun, run.starts_ns) for begun, run in parts])
    samples = _joined_samples([run.samples_ns for run in runs])
    origin = parts[0][0]
    conditions = tuple(
        replace(condition, at_ns=condition.at_ns + begun - origin)
        for begun, run in parts
        for condition in run.conditions
    )
    judged = judge_samples(samples["total"], starts, warmup_runs=first.options.warmup_runs)
    return replace(
        first,
        id=f"run-{secrets.token_hex(4)}",
        options=replace(first.options, runs=sum(run.options.runs for run in runs)),
        samples_ns=samples,
        starts_ns=starts,
        conditions=conditions,
        wait_ns=_sum([run.wait_ns for run in runs]),
        peak_memory_bytes=_largest([run.peak_memory_bytes for run in runs]),
        validity=(*_kept(runs), *judged),
        wall_s=round(sum(run.wall_s for run in runs), 3),
        ended=f"{len(runs)} rounds in turn with the cloud",
        timed_ns=sum(run.timed_ns for run in runs) if all(r.timed_ns for r in runs) else 0,
        energy=_energy(runs),
    )


def join_trips(parts: Sequence[tuple[int, CloudTrip]]) -> CloudTrip:
    """The rounds over one network as one trip; see :func:`join_measurements`."""
    first = parts[0][1]
    if len(parts) == 1:
        return first
    trips = [trip for _, trip in parts]
    origin = parts[0][0]
    failures = tuple(
        replace(failure, at_ns=failure.at_ns + begun - origin)
        for begun, trip in parts
        for failure in trip.failures
    )
    samples = _joined_samples([trip.samples_ns for trip in trips])
    starts = _joined_starts([(begun, trip.starts_ns) for begun, trip in parts])
    return replace(
        first,
        id=f"trip-{secrets.token_hex(4)}",
        up_bytes=tuple(size for trip in trips for size in trip.up_bytes),
        down_bytes=tuple(size for trip in trips for size in trip.down_bytes),
        samples_ns=samples,
        starts_ns=starts,
        summaries={name: summarize(values) for name, values in samples.items()},
        validity=tuple(judge_trip(samples, starts, failures)),
        failures=failures,
    )


def medians_ms(
    runs: Sequence[Measurement], trips: Sequence[CloudTrip]
) -> tuple[tuple[float, float], ...]:
    """The median of the edge and of the cloud in every round."""
    return tuple(
        (_median_ms(run.samples_ns["total"]), _median_ms(trip.samples_ns["total"]))
        for run, trip in zip(runs, trips, strict=True)
    )


def _median_ms(values_ns: Sequence[int]) -> float:
    return median([value / NS_PER_MS for value in values_ns])


def _joined_samples(parts: Sequence[Mapping[str, tuple[int, ...]]]) -> dict[str, tuple[int, ...]]:
    common = [name for name in parts[0] if all(name in part for part in parts)]
    return {name: tuple(v for part in parts for v in part[name]) for name in common}


def _joined_starts(parts: Sequence[tuple[int, Sequence[int]]]) -> tuple[int, ...]:
    origin = parts[0][0]
    return tuple(begun - origin + start for begun, starts in parts for start in starts)


def _kept(runs: Sequence[Measurement]) -> list[ValidityNote]:
    """What is said of the board; what is said of the samples is judged anew over all of them."""
    found: dict[str, ValidityNote] = {}
    for run in runs:
        of_samples = judge_samples(
            run.samples_ns["total"], run.starts_ns, warmup_runs=run.options.warmup_runs
        )
        ids = {note.id for note in of_samples}
        for note in run.validity:
            if note.id not in ids:
                found.setdefault(note.id, note)
    return list(found.values())


def _sum(values: Sequence[int | Unavailable]) -> int | Unavailable:
    total = 0
    for value in values:
        if isinstance(value, Unavailable):
            return value
        total += value
    return total


def _largest(values: Sequence[int | Unavailable]) -> int | Unavailable:
    known = [value for value in values if not isinstance(value, Unavailable)]
    return max(known) if known else values[0]


def _energy(runs: Sequence[Measurement]) -> Energy | Unavailable:
    parts: list[Energy] = []
    for run in runs:
        if isinstance(run.energy, Unavailable):
            return run.energy
        parts.append(run.energy)
    return replace(
        parts[0],
        energy_mj=sum(part.energy_mj for part in parts),
        span_ns=sum(part.span_ns for part in parts),
        readings=sum(part.readings for part in parts),
    )
