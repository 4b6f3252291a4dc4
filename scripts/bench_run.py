"""``edgekit run`` beside the engines' own tools, and what the runner itself costs.

    bench_run.py [--rounds N] [--models MODEL ...] [--no-page]

Everything runs over SSH on the local board, with the wheels that edgekit deploys there, in
interleaved rounds. Writes the section ``run`` of docs/benchmarks.md; 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark_page import table, write_section
from edgekit.boards.deploy import Deployed, DeployRequest, deploy, load_card
from edgekit.boards.opening import OpenBoard, open_board
from edgekit.boards.runner_archive import runner_archive
from edgekit.boards.session import ensure_runner
from edgekit.convert.converting import convert
from edgekit.convert.pipelines import parse_pipeline
from edgekit.convert.request import ConvertRequest
from edgekit.core.measurement import Measurement, RunOptions
from edgekit.measure.board_run import RunTarget, run_on_board
from edgekit.toolenvs.environment import ensure
from real_models import prepare
from run_peers import BARE, PEERS, Board, Peer

PROFILE = "generic-x86-64"
EVERYWHERE = ("litert", "onnxruntime", "openvino")
MODELS = (
    ("efficientnet", "int8-static", EVERYWHERE),
    ("efficientnet", "float", EVERYWHERE),
    ("minilm", "float", EVERYWHERE),
    ("magika", "float", ("onnxruntime", "openvino")),
)
"""Real models, recipes and engines: from 0.3 to 30 ms on one core. Magika has no way to LiteRT."""
NAMES = tuple(dict.fromkeys(name for name, _, _ in MODELS))
SECONDS = 2.0
"""Of each turn of each tool."""
GOAL_SHARE, GOAL_US = 0.02, 10.0
GOAL_OVERHEAD_US, GOAL_START_MS, GOAL_MEMORY_MB = 2.0, 60.0, 15.0
STARTS = 20
TINY = """
import sys
import keras
inputs = keras.Input((4,))
keras.Model(inputs, keras.layers.ReLU()(inputs)).save(sys.argv[1])
"""
TINY_RUNS = 20_000


@dataclass(frozen=True)
class Ready:
    """A deployed model."""

    board: OpenBoard
    deployed: Deployed
    folder: Path

    def measure(self, variant: str, runs: int) -> Measurement:
        """One run by edgekit."""
        deployment = self.deployed.deployment
        assert deployment
        options = RunOptions(deployment.engine, 1, runs, 20, variant=variant)
        card = load_card(self.folder)
        entry, facts, site = self.board.entry, self.deployed.facts, self.deployed.site
        target = RunTarget(entry, facts, deployment, card, site)
        session = ensure_runner(self.board.transport)
        return run_on_board(session, target, replace(options, max_duration_s=120.0))

    @property
    def peer_board(self) -> Board:
        """The same board for other programs."""
        return Board(self.board.transport, self.deployed.site)

    @property
    def model_path(self) -> str:
        """The model's file on the board."""
        assert self.deployed.deployment
        return f"{self.deployed.deployment.release_path}/{load_card(self.folder).model}"


@contextmanager
def ready(request: ConvertRequest) -> Iterator[Ready]:
    """Converts a model and deploys it on the local board."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "artifact"
        convert(request, folder, progress=_say)
        with open_board("local", profile=PROFILE) as board:
            deployed = deploy(DeployRequest(folder, board.entry, request.name), board.transport)
            yield Ready(board, deployed, folder)


def agreement(rounds: int, wanted: Sequence[str]) -> tuple[list[list[str]], int]:
    """Rows for every wanted model and engine, and how many miss the goal."""
    rows, misses = [], 0
    for name, recipe, engines in MODELS:
        if name not in wanted:
            continue
        (found,) = prepare([name], progress=_say)
        for peer in PEERS:
            if peer.engine not in engines:
                continue
            request = ConvertRequest(
                found.model,
                PROFILE,
                recipe,
                peer.engine,
                calibration=None if recipe == "float" else found.calibration,
                pipeline=parse_pipeline(found.pipeline),
                name=found.name,
                proof=False,
            )
            with ready(request) as at_hand:
                ours, theirs = _turns(at_hand, peer, rounds)
            row, is_met = _compared(ours, theirs)
            rows.append([f"{found.name} {recipe}", peer.title, *row])
            misses += not is_met
            _say("  ".join(rows[-1]))
    return rows, misses


def _compared(ours: list[float], theirs: list[float]) -> tuple[list[str], bool]:
    """Cells for the medians in ms of all rounds, and whether they agree."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    ratio = statistics.median(ratios)
    gap_us = 1e3 * statistics.median(a - b for a, b in zip(ours, theirs, strict=True))
    is_met = abs(ratio - 1) <= GOAL_SHARE or abs(gap_us) <= GOAL_US
    cells = [f"{statistics.median(side):.4g} ms" for side in (ours, theirs)]
    cells += [f"{ratio:.3f}", f"{min(ratios):.3f} to {max(ratios):.3f}", f"{gap_us:+.1f} us"]
    return [*cells, "yes" if is_met else "no"], is_met


def _turns(at_hand: Ready, peer: Peer, rounds: int) -> tuple[list[float], list[float]]:
    """Medians in ms of both sides; who goes first changes from round to round."""
    first = at_hand.measure(peer.variant, 50)
    runs = max(60, min(5000, round(SECONDS * 1e9 / statistics.median(first.samples_ns["infer"]))))
    ours: list[float] = []
    theirs: list[float] = []
    for i in range(rounds):
        for side in (("we", "they"), ("they", "we"))[i % 2]:
            if side == "we":
                samples = at_hand.measure(peer.variant, runs).samples_ns["infer"]
                ours.append(statistics.median(samples) / 1e6)
            else:
                theirs.append(peer.median_ms(at_hand.peer_board, at_hand.model_path, runs))
    return ours, theirs


def overhead(rounds: int) -> tuple[list[list[str]], int]:
    """What the runner adds to a LiteRT inference, to its memory, and before its first word."""
    calls, turns, memory = [], [], []
    bare: dict[str, list[float]] = {"empty": [], "invoke": [], "turn": [], "peak": []}
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(temporary) / "tiny.keras"
        python = ensure("tensorflow", progress=_say)
        subprocess.run([str(python), "-c", TINY, str(model)], check=True, capture_output=True)
        request = ConvertRequest(model, PROFILE, "float", "litert", name="tiny", proof=False)
        with ready(request) as at_hand:
            for _ in range(rounds):
                taken = at_hand.measure("native", TINY_RUNS)
                starts = taken.starts_ns
                calls.append(statistics.median(taken.samples_ns["infer"]) / 1e3)
                gaps = [b - a for a, b in itertools.pairwise(starts)]
                turns.append(statistics.median(gaps) / 1e3)
                assert isinstance(taken.peak_memory_bytes, int)
                memory.append(taken.peak_memory_bytes / 2**20)
                arguments = [at_hand.model_path, str(TINY_RUNS)]
                told = json.loads(at_hand.peer_board.python(BARE, arguments))
                bare["empty"].append(told["empty_us"][0])
                bare["invoke"].append(told["invoke_us"][0])
                bare["turn"].append(told["invoke_us"][1])
                bare["peak"].append(told["peak_mb"])
    middle = {name: statistics.median(values) for name, values in bare.items()}
    call, turn, peak = (statistics.median(values) for values in (calls, turns, memory))
    start_ms, python_ms = starts_ms()
    checks = [
        _check(
            "timed call, native variant of LiteRT", call, middle["invoke"], GOAL_OVERHEAD_US, "us"
        ),
        _check("whole turn of the loop, all phases kept", turn, middle["turn"], None, "us"),
        _check("runner.pyz from start to first line", start_ms, 0.0, GOAL_START_MS, "ms"),
        _check("the same beyond an empty Python", start_ms, python_ms, None, "ms"),
        _check("peak memory beyond the engine's", peak, middle["peak"], GOAL_MEMORY_MB, "MB"),
    ]
    for row, _ in checks:
        _say("  ".join(row))
    empty = [
        "an empty Python call between two readings of the clock",
        "",
        f"{middle['empty']:.3g} us",
        "",
        "",
        "",
    ]
    return [empty, *(row for row, _ in checks)], sum(not is_met for _, is_met in checks)


def _check(
    what: str, ours: float, bare: float, goal: float | None, unit: str
) -> tuple[list[str], bool]:
    added = ours - bare
    is_met = goal is None or added <= goal
    cells = [what, f"{ours:.3g} {unit}", f"{bare:.3g} {unit}" if bare else ""]
    cells += [
        f"{added:.3g} {unit}",
        f"{goal:g} {unit}" if goal else "",
        ("yes" if is_met else "no") if goal else "",
    ]
    return cells, is_met


def starts_ms() -> tuple[float, float]:
    """Median time from start to the first line of runner.pyz, and to that of an empty Python.

    By the Python that the local board has: this environment's own start-up files are on no board.
    """
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary) / "runner.pyz"
        archive.write_bytes(runner_archive())
        ours, empty = [], []
        for _ in range(STARTS):
            ours.append(_first_line_ms(["-I", str(archive), "ping"]))
            empty.append(_first_line_ms(["-I", "-c", "print()"]))
    return statistics.median(ours), statistics.median(empty)


def _first_line_ms(arguments: list[str]) -> float:
    python = getattr(sys, "_base_executable", "") or sys.executable
    begin = time.perf_counter_ns()
    with subprocess.Popen(
        [python, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"{}")
        process.stdin.close()
        process.stdout.readline()
        spent = time.perf_counter_ns() - begin
        process.stdout.read()
    return spent / 1e6


def main() -> int:
    """Measures and writes the section; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--models", nargs="+", choices=NAMES, default=NAMES, metavar="MODEL")
    parser.add_argument("--no-page", action="store_true", help="Do not write docs/benchmarks.md.")
    given = parser.parse_args()
    rounds = given.rounds
    costs, dear = overhead(rounds)
    rows, misses = agreement(rounds, given.models)
    heads = [
        "model",
        "beside",
        "edgekit p50",
        "its p50",
        "ratio",
        "rounds",
        "difference",
        "within the goal",
    ]
    body = (
        f"`edgekit run` over SSH on the local board, one thread, median of {rounds} "
        "interleaved rounds of about 2 s each; both sides use the wheels that edgekit deployed. The "
        "variant is the one that times the same work: native beside benchmark_app and "
        "litert-benchmark, bound beside the loop. Goal: within 2 % or 10 us.\n\n"
        f"{table(heads, rows)}\n\n{len(rows) - misses} of {len(rows)} agree. benchmark_app and "
        "litert-benchmark round to 10 us.\n\nWhat the runner itself costs, beside the same steps "
        "in a bare script:\n\n"
        f"{table(['', 'runner', 'bare', 'added', 'goal', 'met'], costs)}"
    )
    print(body)
    if not given.no_page:
        write_section("run", "Runs beside the engines' own tools", body)
    return int(misses + dear > 0)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
