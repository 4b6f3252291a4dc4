"""How quickly the command line answers, beside peers; and how long a large report takes.

    bench_cli.py [--rounds N] [--without-peers]

Peers are installed into tool environments of their own. All programs take turns within every round.
Writes the section ``cli`` of docs/benchmarks.md; 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark_page import table, write_section
from convert_bench.environments import LITERT_CLI, OLIVE
from edgekit.cli.group import summaries
from edgekit.core.errors import ToolEnvironmentError
from edgekit.core.measurement import Measurement, RunOptions
from edgekit.core.mode import Mode
from edgekit.core.record import save
from edgekit.toolenvs.environment import ensure
from edgekit.toolenvs.pins import ToolEnvironment

YOLO = ToolEnvironment(
    name="peer-ultralytics",
    purpose="Ultralytics, a peer in benchmarks",
    requirements=("ultralytics==8.4.190", "torch==2.13.0"),
    size_mb=2500,
)
PEERS = ((YOLO, "yolo"), (OLIVE, "olive"), (LITERT_CLI, "litert"))
EDGEKIT = str(Path(sys.executable).with_name("edgekit"))
ROUNDS = 15
GOAL_HELP_MS, GOAL_ANY_HELP_MS, GOAL_REPORT_S = 80.0, 120.0, 1.5
SAMPLES = 100_000
TIMEOUT_S = 300


@dataclass(frozen=True)
class Timed:
    """Times of one command line."""

    name: str
    seconds: tuple[float, ...]
    """Wall."""
    cpu_s: tuple[float, ...]
    """Of processors, which other work on the machine changes less."""

    @property
    def median_ms(self) -> float:
        """Of all rounds."""
        return statistics.median(self.seconds) * 1e3

    @property
    def cpu_ms(self) -> float:
        """Of all rounds; these programs have one thread, so an idle machine takes about as long."""
        return statistics.median(self.cpu_s) * 1e3

    @property
    def row(self) -> list[str]:
        """Median and range."""
        least, most = min(self.seconds) * 1e3, max(self.seconds) * 1e3
        cpu = f"{self.cpu_ms:.0f} ms"
        return [f"`{self.name}`", f"{self.median_ms:.0f} ms", f"{least:.0f} to {most:.0f} ms", cpu]


def main() -> int:
    """Measures and writes the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--without-peers", action="store_true")
    options = parser.parse_args()
    missing: list[str] = []
    commands = {"edgekit --help": [EDGEKIT, "--help"]}
    if not options.without_peers:
        commands |= _peers(missing)
    helps = _timed(commands, options.rounds)
    own = _timed(
        {f"edgekit {name} --help": [EDGEKIT, name, "--help"] for name in summaries()},
        max(options.rounds // 3, 3),
    )
    with tempfile.TemporaryDirectory(prefix="edgekit-bench-cli-") as scratch:
        report = _report(Path(scratch), max(options.rounds // 3, 3))
    return _write(helps, own, report, missing)


def _peers(missing: list[str]) -> dict[str, list[str]]:
    found = {}
    for environment, program in PEERS:
        try:
            python = Path(ensure(environment, progress=_say))
        except ToolEnvironmentError as err:
            missing.append(f"{program} could not be installed: {err.message}")
            continue
        found[f"{program} --help"] = [str(python.parent / program), "--help"]
    return found


def _timed(commands: dict[str, list[str]], rounds: int) -> list[Timed]:
    """Every command once per round, after one that is not counted."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            found = _once(command)
            if number:
                spent[name].append(found)
        _say(f"round {number} of {rounds}: {len(commands)} commands")
    return [Timed(name, *zip(*values, strict=True)) for name, values in spent.items()]


def _once(command: Sequence[str]) -> tuple[float, float]:
    """Wall and processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"CI": "true", "YOLO_OFFLINE": "true"}
    begun = time.perf_counter()
    done = subprocess.run(
        command, env=environment, capture_output=True, timeout=TIMEOUT_S, check=False
    )
    spent = time.perf_counter() - begun
    if done.returncode != 0:
        raise SystemExit(
            f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:]!r}"
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, cpu_s


def _report(folder: Path, rounds: int) -> Timed:
    """The page of a run that moves between two levels, the slowest kind to summarize."""
    path = save(_long_run(), folder / "run.json")
    command = [EDGEKIT, "report", str(path), "--html", str(folder / "report.html")]
    (found,) = _timed({f"edgekit report, {SAMPLES} samples": command}, rounds)
    size = (folder / "report.html").stat().st_size
    return Timed(f"{found.name}, {size / 1e3:.0f} kB of HTML", found.seconds, found.cpu_s)


def _long_run() -> Measurement:
    infer = tuple(
        1_000_000 + 300_000 * (i > SAMPLES * 6 // 10) + (i * 7919) % 90_001 for i in range(SAMPLES)
    )
    samples = {
        "preprocess": tuple(300_000 + (i * 31) % 9_001 for i in range(SAMPLES)),
        "infer": infer,
        "postprocess": tuple(5_000 + (i * 17) % 501 for i in range(SAMPLES)),
    }
    total = tuple(map(sum, zip(*samples.values(), strict=True)))
    return Measurement(
        id="run-00000001",
        board="bench",
        profile="generic-x86-64",
        app="bench",
        release="0",
        mode=Mode.SIMULATED,
        machine="none: made for the bench",
        engine="echo",
        engine_version="1",
        engine_details={},
        options=RunOptions("echo", 1, SAMPLES, 0),
        once_ns={"import": 1, "load": 1, "first_inference": 1},
        samples_ns=samples | {"total": total},
        starts_ns=tuple(range(0, SAMPLES * 2_000_000, 2_000_000)),
        conditions=(),
        wait_ns=0,
        peak_memory_bytes=0,
        timer_overhead_ns=0,
        validity=(),
        model={"name": "bench", "recipe": "float"},
        wall_s=200.0,
        measured_utc="2026-11-25T00:00:00Z",
        runner_version="0",
    )


def _write(helps: list[Timed], own: list[Timed], report: Timed, missing: list[str]) -> int:
    slowest = max(own, key=lambda timed: timed.median_ms)
    load = os.getloadavg()[0]
    is_busy = load > (os.cpu_count() or 1)
    goals = tuple(
        (timed.cpu_ms if is_busy else timed.median_ms, goal, name)
        for timed, goal, name in (
            (helps[0], GOAL_HELP_MS, "`edgekit --help`"),
            (slowest, GOAL_ANY_HELP_MS, f"the slowest help, `{slowest.name}`,"),
            (report, GOAL_REPORT_S * 1e3, "the report"),
        )
    )
    which = "of processors, since the machine was busy with other work" if is_busy else "wall"
    said = [
        f"{name} takes {value:.0f} ms ({which}); goal {goal:.0f} ms: "
        f"{'kept' if value <= goal else 'missed'}"
        for value, goal, name in goals
    ]
    first = helps[0].cpu_ms
    rows = [[*timed.row, f"{timed.cpu_ms / first:.1f} x"] for timed in helps]
    rows += [[*timed.row, ""] for timed in (slowest, report)]
    body = (
        f"Median wall time of {len(helps[0].seconds)} rounds in which all programs take turns, each in "
        "an environment of its own, files cached. Load of the machine at the end: "
        f"{load:.1f} on {os.cpu_count()} processors.\n\n"
        + table(["command", "median", "range", "processor time", "of edgekit's"], rows)
        + "\n\n"
        + "\n".join(f"* {line}." for line in (*said, *missing))
    )
    write_section("cli", "How quickly the command line answers", body)
    for line in (*said, *missing):
        _say(line)
    return int(any(value > goal for value, goal, _ in goals))


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
