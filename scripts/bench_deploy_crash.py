"""How many crash states the installer survives: the long version of tests/runner/test_runner_crash.py.

Records each scenario's system calls, makes every legal state of the disk after a power cut at every
instant (drawn at random where there are too many), recovers and deploys again; then kills the
installer at every change it makes. Prints the counts and writes the section `deploy-crash`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from benchmark_page import table, write_section
from board_home import BoardHome
from crash_scenarios import NEW, OLD, WHEELS, Tally, check_all, record, text
from edgekit_runner import wire

SCENARIOS = ("install", "upgrade", "repair", "rollback", "gc")
AGAIN_EVERY = 25


def main() -> int:
    """Runs everything; 1 when a state was found that is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=6000, help="States per instant at most.")
    parser.add_argument("--no-page", action="store_true", help="Do not write docs/benchmarks.md.")
    options = parser.parse_args()
    started = time.perf_counter()
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    rows, problems = [], []
    try:
        for name in SCENARIOS:
            recording = record(name, folder / name)
            for is_sent_durable in (True, False):
                tally = check_all(
                    recording,
                    folder / "states",
                    limit=options.limit if is_sent_durable else options.limit // 20,
                    again_every=AGAIN_EVERY,
                    is_sent_durable=is_sent_durable,
                )
                rows.append(row(name, len(recording.operations), tally, durable=is_sent_durable))
                problems += tally.problems
                print("  ".join(rows[-1]), flush=True)
        kills, broken = kill_everywhere(folder / "kills")
        problems += broken
    finally:
        shutil.rmtree(folder)
    print(f"killed at {kills} changes; {len(problems)} problems", *problems, sep="\n")
    heads = [
        "scenario",
        "what was sent",
        "operations",
        "instants",
        "legal states",
        "of all",
        "made",
    ]
    body = "\n".join(
        [
            "Power cuts at every instant of the installer. `legal states`: how many ways the disk may "
            "look, on the weakest file system that POSIX allows, summed over the instants; `of all`: "
            "instants of which every state was made; `made`: different states that were made, recovered "
            f"and checked (every {AGAIN_EVERY}th was also deployed to again).",
            "",
            table(heads, rows),
            "",
            f"Killed before {kills} of its changes, one after the other (every one of an upgrade). "
            f"Boards left without a whole release: {len(problems)}. "
            f"Took {time.perf_counter() - started:.0f} s.",
        ]
    )
    if not options.no_page:
        write_section("deploy-crash", "What a power cut leaves", body)
    return 1 if problems else 0


def row(name: str, operations: int, tally: Tally, *, durable: bool) -> list[str]:
    """A line of the table."""
    return [
        name,
        "durable" if durable else "in any state",
        str(operations),
        str(tally.points),
        f"{tally.legal:,}",
        str(tally.whole_points),
        f"{tally.checked:,}",
    ]


def kill_everywhere(folder: Path) -> tuple[int, list[str]]:
    """Kills an upgrade at every change; how often, and what went wrong."""
    recording = record("upgrade", folder / "recorded")
    borders = sorted(recording.starts.items(), key=lambda item: item[1])
    request = text(NEW, 2)
    names = {"app": "cats", "release": wire.release_id(json.loads(request))}
    steps = [("install", {"manifest": request}), ("switch", names), ("commit", names)]
    problems = []
    for index, operation in enumerate(recording.operations):
        killed = [name for name, start in borders if start <= index][-1]
        board = BoardHome(folder / str(index))
        board.deploy(text(OLD, 1), *OLD.values(), *WHEELS.values())
        board.stage(*NEW.values())
        for command, asked in steps:
            if command != killed:
                board.call(command, asked)
                continue
            fault = f"inject={operation.call}:signal=KILL:when={operation.number}"
            log = str(board.folder / "strace.log")
            board.start(command, asked, prefix=("strace", "-qq", "-o", log, "-e", fault))
            break
        before = board.current() in board.whole_releases()
        board.call("begin", {"holder": "h", "sha256": []})
        after = board.current() in board.whole_releases()
        board.call("end", {"holder": "h"})
        again = board.deploy(request, *NEW.values()) in board.whole_releases()
        if not (before and after and again):
            problems.append(f"killed at {operation.call} {operation.number} of {killed}")
        shutil.rmtree(board.folder)
    return len(recording.operations), problems


if __name__ == "__main__":
    sys.exit(main())
