"""Records what the demo's artifacts cost on emulated arm64 processors.

    bench_arm64.py           measures all and writes tests/data/emulated/costs.json and the page
    bench_arm64.py --check   measures all and compares; 1 when something moved

Needs the board image (scripts/make_board_image.sh). Every processor is booted twice; the small
network is measured in both boots, which must agree. One that was broken off goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

from benchmark_page import table, write_section
from edgekit.boards.runner_archive import runner_archive
from edgekit.boards.virtual.arm64 import PROCESSORS
from edgekit.core.record import load, save
from emulated_costs import (
    FILE,
    GUARD,
    GUARD_FLOAT,
    MEDIAN_SHARE,
    MIN_SHARE,
    SUBJECTS,
    Cost,
    Costs,
    artifact_of,
    changes,
    costs_on,
)


def measure() -> tuple[list[Cost], list[Cost]]:
    """The costs of the first boots and of the second ones."""
    boots = tuple(_kept(number) for number in range(2))
    with tempfile.TemporaryDirectory() as temporary:
        artifacts = [
            (subject, artifact_of(subject, Path(temporary), _say)) for subject in SUBJECTS
        ]
        small = [item for item in artifacts if item[0] in (GUARD, GUARD_FLOAT)]
        for number, chosen in enumerate((artifacts, small)):
            for processor in PROCESSORS:
                there = {(cost.subject, cost.processor) for cost in boots[number]}
                left = [item for item in chosen if (item[0].title, processor) not in there]
                for cost in costs_on(processor, left, _say) if left else ():
                    _say(f"  {cost.min_ns} ns at least, median {cost.median_ns} ns [emulated]")
                    boots[number].append(cost)
                    save(Costs(tuple(boots[number])), _unfinished(number))
    return boots[0], boots[1]


def _unfinished(number: int) -> Path:
    """Where the costs of a boot are kept until all are there: the whole takes most of an hour."""
    runner = hashlib.sha256(runner_archive()).hexdigest()
    return Path("build") / f"bench-arm64-{runner[:12]}-{number}.json"


def _kept(number: int) -> list[Cost]:
    """What a bench that was broken off has measured of the same runner."""
    path = _unfinished(number)
    return list(load(Costs, path).costs) if path.exists() else []


def section(first: list[Cost], second: list[Cost]) -> str:
    """The page's section."""
    rows = []
    for subject in SUBJECTS:
        mine = [cost for cost in first if cost.subject == subject.title]
        cells = [f"{cost.min_ns / 1e6:.4g}" for cost in mine]
        rows.append([subject.title, f"{mine[0].engine} {mine[0].version}", *cells])
    by_key = {(cost.subject, cost.processor): cost for cost in first}
    pairs = [(by_key[cost.subject, cost.processor], cost) for cost in second]
    smallest = max(abs(a.min_ns / b.min_ns - 1) for a, b in pairs)
    middle = max(abs(a.median_ns / b.median_ns - 1) for a, b in pairs)
    return (
        "Million instructions of one inference on the emulated arm64 board, whose clock counts "
        "them: smallest of a run, inputs copied in and outputs copied out, one thread [emulated]. "
        "There are no caches and no memory to wait for, so these are no milliseconds of a board; "
        "ratios between builds, engines and recipes are what they are for. They are kept in "
        "tests/data/emulated/costs.json, and a test compares one of them at every run.\n\n"
        f"{table(['artifact', 'engine', *PROCESSORS], rows)}\n\n"
        f"A second boot ({', '.join(dict.fromkeys(cost.processor for cost in second))}) differs in the "
        f"small networks by at most {smallest:.3%} in the smallest and "
        f"{middle:.3%} in the median (allowed: {MIN_SHARE:.1%} and {MEDIAN_SHARE:.1%})."
    )


def main() -> int:
    """Measures; writes or compares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    is_check = parser.parse_args().check
    first, second = measure()
    problems = changes(first, second)
    if is_check:
        problems += changes(load(Costs, FILE).costs, first)
    for number in range(2):
        _unfinished(number).unlink(missing_ok=True)
    print("\n".join(problems) if problems else "every cost is as it should be")
    if not is_check:
        save(Costs(tuple(first)), FILE)
        write_section("arm64", "Cost on emulated arm64 processors", section(first, second))
    return int(bool(problems))


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
