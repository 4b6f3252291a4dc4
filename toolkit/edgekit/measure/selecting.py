"""Which measured candidate is kept: the fastest within the budget. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from edgekit.core.estimate import Estimate
from edgekit.core.selection import Candidate
from edgekit.core.units import format_ms

FLOAT = "float"


def marked(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The candidates, with those on the Pareto front of size, latency and accuracy marked."""
    return tuple(
        replace(
            c,
            is_pareto=is_measured(c)
            and not any(_dominates(other, c) for other in candidates if other is not c),
        )
        for c in candidates
    )


def fastest(candidates: Sequence[Candidate]) -> Candidate | None:
    """The fastest of those that keep the budget; of those that cannot be told apart, the smallest."""
    slower = {c.name for c in slower_than_float(candidates)}
    fitting = [c for c in candidates if is_measured(c) and not c.missed and c.name not in slower]
    if not fitting:
        return None
    first = min(fitting, key=_p50)
    tied = [c for c in fitting if c is first or not is_slower(c, first)]
    return min(tied, key=lambda c: (_size(c), _p50(c)))


def nearest(candidates: Sequence[Candidate]) -> Candidate:
    """Of those that were measured, the one that loses least."""
    return min(filter(is_measured, candidates), key=lambda c: (_loss(c), _p50(c)))


def is_slower(one: Candidate, other: Candidate) -> bool:
    """True when every round of one took longer than every round of the other."""
    if not one.rounds_ms or not other.rounds_ms:
        return False
    return min(one.rounds_ms) > max(other.rounds_ms)


def slower_than_float(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Smaller models that take longer than the same engine takes for the float one."""
    floats = _floats(candidates)
    return tuple(c for c in candidates if c.engine in floats and is_slower(c, floats[c.engine]))


def _floats(candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    """By engine."""
    return {c.engine: c for c in candidates if c.recipe == FLOAT and is_measured(c)}


def notes_on(candidates: Sequence[Candidate], winner: Candidate | None) -> Iterator[str]:
    """Where int8 does not pay, and what cannot be told apart from the winner."""
    floats = _floats(candidates)
    for c in slower_than_float(candidates):
        took, base = format_ms(_p50(c)), format_ms(_p50(floats[c.engine]))
        yield f"{c.name} is slower than float on this board ({took} against {base}): not shipped"
    if winner is None:
        return
    slower = {c.name for c in slower_than_float(candidates)}
    for c in candidates:
        if c is winner or not is_measured(c) or c.missed or c.name in slower:
            continue
        if not is_slower(c, winner) and not is_slower(winner, c):
            yield f"{c.name} cannot be told apart from {winner.name} in latency"


def is_measured(candidate: Candidate) -> bool:
    """True when there is a latency."""
    return isinstance(candidate.p50_ms, Estimate)


def _p50(candidate: Candidate) -> float:
    assert isinstance(candidate.p50_ms, Estimate)
    return candidate.p50_ms.value


def _size(candidate: Candidate) -> int:
    return candidate.size_bytes if isinstance(candidate.size_bytes, int) else 0


def _loss(candidate: Candidate) -> float:
    """What is lost against the original, in points: of accuracy, else of agreement."""
    if candidate.drop_points is not None:
        return candidate.drop_points
    return 0.0 if candidate.agreement is None else (1 - candidate.agreement) * 100


def _dominates(one: Candidate, other: Candidate) -> bool:
    if not is_measured(one):
        return False
    mine = (_size(one), _p50(one), _loss(one))
    theirs = (_size(other), _p50(other), _loss(other))
    return all(a <= b for a, b in zip(mine, theirs, strict=True)) and mine != theirs
