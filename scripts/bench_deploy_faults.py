"""Deployments that are cut at random bytes, and deployers that race for one board: hundreds of rounds.

Over a real OpenSSH server on loopback. After each round the board is asked what is active, and
every byte of it is verified there. Writes the section `deploy-faults`; 1 when a round left something
that should not be.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from bench_frame import run_bench
from benchmark_page import table
from deploy_faults import Tally, cut_rounds, race_rounds
from sshd import Sshd

MEGA = 1_000_000
RACE_BYTES = 500_000


def main() -> None:
    """Runs everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--mb", type=int, default=20)
    parser.add_argument("--races", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    run_bench("deploy-faults", "Cut links and racing deployers", parser, measure)


def measure(folder: Path, options: argparse.Namespace) -> str:
    """The section.

    Raises:
        SystemExit: a round left something that should not be.
    """
    os.environ["EDGEKIT_CACHE_DIR"] = str(folder / "cache")  # counters and files that were sent
    cut = f"cut at a random byte of {options.mb} MB"
    with Sshd(folder / "sshd") as server:
        size, seed = options.mb * MEGA, options.seed
        works: dict[str, Callable[[], Tally]] = {
            cut: partial(
                cut_rounds, server, folder, rounds=options.cuts, size_bytes=size, seed=seed
            ),
            "two deployers at once": partial(
                race_rounds, server, folder, rounds=options.races, size_bytes=RACE_BYTES
            ),
        }
        rows, problems = [], []
        for name, work in works.items():
            began = time.perf_counter()
            tally = work()
            rows.append(row(name, tally, time.perf_counter() - began))
            problems += tally.problems
            print("  ".join(rows[-1]), flush=True)
    if problems:
        raise SystemExit("\n".join(problems))
    heads = [
        "fault",
        "rounds",
        "outcomes",
        "not sent twice",
        "boards without a whole release",
        "took",
    ]
    return (
        "After a cut the same command is run again at once; it must succeed. Of two deployers one may "
        "be told that the board is busy, or that a newer release came in between.\n\n"
        + table(heads, rows)
    )


def row(name: str, tally: Tally, took_s: float) -> list[str]:
    """A row of the table."""
    outcomes = "; ".join(f"{count} {what}" for what, count in tally.outcomes.most_common())
    kept = f"{tally.kept_bytes / MEGA:.0f} MB" if tally.kept_bytes else ""
    return [name, str(tally.rounds), outcomes, kept, str(len(tally.problems)), f"{took_s:.0f} s"]


if __name__ == "__main__":
    main()
