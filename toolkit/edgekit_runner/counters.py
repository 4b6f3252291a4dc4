"""Averages what an engine's own counters tell per operation."""

from __future__ import annotations

from typing import Callable, Dict, List, Tuple

from .engines.contract import OperationTime, Profile

Once = Callable[[], Tuple[int, List[OperationTime]]]
WARMUP_RUNS = 2


def mean_counters(method: str, once: Once, runs: int) -> Profile:
    """The mean per operation over some inferences, in the order of execution.

    Args:
        method: how the times are had, for people.
        once: one inference; gives its wall time and the engine's times.
        runs: inferences that count, after a few that do not.
    """
    for _ in range(WARMUP_RUNS):
        once()
    sums: Dict[Tuple[str, str, str], float] = {}
    total_ns = 0
    for _ in range(runs):
        spent_ns, operations = once()
        total_ns += spent_ns
        for operation in operations:
            key = (operation.name, operation.type, operation.where)
            sums[key] = sums.get(key, 0.0) + operation.ns
    found = [OperationTime(key[0], key[1], key[2], value / runs) for key, value in sums.items()]
    return Profile(method, found, total_ns / runs)


def mean_since(
    before: List[OperationTime], before_runs: int, after: List[OperationTime], after_runs: int
) -> List[OperationTime]:
    """Means of the later runs out of means that run on from the first one.

    The first inference compiles kernels and may take a thousand times longer than the others; a
    running mean keeps it for ever.

    Example:
        >>> first = OperationTime("a", "Conv", "cpu", 900.0)
        >>> mean_since([first], 1, [first._replace(ns=180.0)], 10)[0].ns
        100.0
    """
    earlier = {(item.name, item.type, item.where): item.ns * before_runs for item in before}
    found = []
    for item in after:
        key = (item.name, item.type, item.where)
        spent_ns = item.ns * after_runs - earlier.get(key, 0.0)
        mean_ns = max(spent_ns / (after_runs - before_runs), 0.0)
        found.append(OperationTime(item.name, item.type, item.where, mean_ns))
    return found
