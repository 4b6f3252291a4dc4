"""Converts real models by edgekit and by its peers, judges and times all of it, and writes the section
``convert`` of docs/benchmarks.md: ``bench_convert.py [--only NAME[,NAME]] [--rounds N]``; with ``--only``
the section is printed and the page left alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmark_page import table, write_section
from convert_bench.making import Bench
from convert_bench.report import (
    WORTHWHILE_POINTS,
    Verdict,
    detail_table,
    judge,
    row_without_verdict,
    summary_row,
)
from edgekit.core.errors import EdgekitError
from real_models import NAMES, prepare
from real_models.model import RealModel

TITLE = "Conversions beside those of peers"
INTRODUCTION = """Each peer starts from the same float model (by the framework's own exporter) with the same
calibration samples and its own defaults; edgekit starts from the source with `--recipe auto` and a budget (1 point of accuracy, or
95 % agreement). One process times all artifacts of a model with one thread, in {rounds} interleaved rounds, by the board package's
adapters. Quality is accuracy where there are labels, else the share of samples with the original's answer. A ratio is edgekit's figure by
the best peer's, among peers within {points:g} point of the best quality. *Dominated* names peers that are no worse in any figure and better
in one."""


def main() -> int:
    """Runs the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="Models by module name, separated by commas.")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    names = [name for name in options.only.split(",") if name] or list(NAMES)
    summary: list[list[str]] = []
    overheads: list[list[str]] = []
    parts: list[str] = []
    for model in prepare(names, progress=_say):
        with tempfile.TemporaryDirectory(prefix="edgekit-bench-") as folder:
            bench = Bench(model, Path(folder), _say)
            try:
                parts.append(_section(bench, options.rounds, summary, overheads))
            except EdgekitError as err:  # the other models go on
                _say(f"{model.name} failed: {err.message}")
                parts.append(f"### {model.name}\n\nFailed: {err.message}")
            if not options.only:  # a run that is broken off leaves what it has
                write_section("convert", TITLE, _body(options.rounds, summary, overheads, parts))
    if options.only:
        print(_body(options.rounds, summary, overheads, parts))
    return 0


def _body(
    rounds: int, summary: list[list[str]], overheads: list[list[str]], parts: list[str]
) -> str:
    heads = ["model", "engine", "recipe", "quality ours / best", "latency", "size", "verdict"]
    return "\n\n".join(
        (
            INTRODUCTION.format(rounds=rounds, points=WORTHWHILE_POINTS),
            table([*heads, "dominated by"], summary),
            "Time to convert without checks, beside the wrapped libraries called directly, one process each:",
            table(["model", "engine", "edgekit", "libraries", "overhead"], overheads),
            *parts,
        )
    )


def _section(
    bench: Bench, rounds: int, summary: list[list[str]], overheads: list[list[str]]
) -> str:
    """One model; adds its lines to the summaries."""
    model = bench.model
    lines = [f"### {model.name}", f"{model.about}."]
    results = bench.run(rounds)
    for engine, (ours, peers) in results.by_engine.items():
        verdict: Verdict | None = judge(ours, peers)
        lines += [f"**{engine}** ({_base(model, results.count, results.original)})"]
        lines += [detail_table(ours, peers)]
        if verdict:
            summary.append(summary_row(model.name, engine, verdict))
        else:
            summary.append(row_without_verdict(model.name, engine, ours, peers))
        wrapped_s = results.wrapped_s.get(engine)
        if wrapped_s and ours.made.unchecked_s:
            allowed_s = 2 + 0.1 * wrapped_s
            extra_s = ours.made.unchecked_s - wrapped_s
            mark = "within 2 s + 10 %" if extra_s <= allowed_s else "**over 2 s + 10 %**"
            overheads.append(
                [
                    model.name,
                    engine,
                    f"{ours.made.unchecked_s:.1f} s",
                    f"{wrapped_s:.1f} s",
                    f"{extra_s:+.1f} s: {mark}",
                ]
            )
    return "\n\n".join(lines)


def _base(model: RealModel, count: int, original: float) -> str:
    return f"{model.metric.value} on {count} samples, the original's {original:.2%}"


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
