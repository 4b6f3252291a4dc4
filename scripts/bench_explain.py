"""The fault bench: known causes of lag in real runs, and whether `edgekit explain` names them.

    bench_explain.py [--only ID,ID] [--quick] [--no-peer]

Each fault is measured in turn with its control, which gives the time that it adds; then the board is
explained under the fault. Writes the section ``explain`` of docs/benchmarks.md; 1 when a goal is
missed. ``--quick`` takes one subject per fault and writes nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

from benchmark_page import table, write_section
from edgekit.core.errors import EdgekitError
from fault_bench.cases import Outcome, control_case, edge_case
from fault_bench.cloud_cases import cloud_case
from fault_bench.faults import (
    SUBJECTS,
    CloudFault,
    Fault,
    Subject,
    cloud_cases,
    edge_cases,
)
from fault_bench.peer import CANNOT, ask_peer

GOAL_FIRST, GOAL_NEAR, GOAL_REMEDY, GOAL_QUIET = 0.95, 0.90, 0.90, 0.95
GOAL_UNEXPLAINED_MEDIAN, GOAL_UNEXPLAINED_WORST = 0.05, 0.15
CONTROLS = 5
"""Runs of each subject without a fault."""


def main() -> int:
    """Runs the bench; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="faults by id, with commas")
    parser.add_argument(
        "--quick", action="store_true", help="one subject per fault, writes nothing"
    )
    parser.add_argument("--no-peer", action="store_true", help="without EdgeLens")
    options = parser.parse_args()
    wanted = set(filter(None, options.only.split(",")))
    begin = time.perf_counter()
    is_whole = not options.quick and not wanted
    count = 1 if options.quick else CONTROLS
    quiet = [] if wanted else [control_case(s, _say) for s in SUBJECTS for _ in range(count)]
    outcomes: list[Outcome] = []
    for outcome in run_all(wanted, quick=options.quick, has_peer=not options.no_peer):
        outcomes.append(outcome)
        minutes = (time.perf_counter() - begin) / 60
        rows, misses = goals(outcomes, quiet)
        body = page(outcomes, quiet, rows, minutes)
        if is_whole:  # a run that is broken off leaves what it has
            write_section("explain", "Does explain name the cause?", body)
    if not is_whole:
        print(body)
    _say(f"{len(outcomes)} cases in {minutes:.1f} minutes, {misses} goals missed")
    return 1 if misses else 0


def run_all(wanted: set[str], *, quick: bool, has_peer: bool) -> Iterator[Outcome]:
    """Every case; one that breaks off is a row of its own, not the end."""
    seen: set[str] = set()
    cases: list[tuple[Subject, Fault | CloudFault]] = [*edge_cases(), *cloud_cases()]
    for subject, fault in cases:
        if (wanted and fault.id not in wanted) or (quick and fault.id in seen):
            continue
        seen.add(fault.id)
        begin = time.perf_counter()
        try:
            if isinstance(fault, CloudFault):
                outcome = cloud_case(subject, fault, _say)
            else:
                outcome = edge_case(subject, fault, _say)
                peer = ask_peer(subject, fault) if has_peer else CANNOT
                outcome = replace(outcome, peer=_judged(peer, fault.peer_types))
        except EdgekitError as err:
            name = f"failed: {err.message}"
            outcome = Outcome(
                fault.id, fault.title, subject.name, subject.engine, 0, 0, name, False, None, 1.0
            )
        spent_s = time.perf_counter() - begin
        _say(f"{'  '.join(_row(outcome))}  ({spent_s:.0f} s)")
        yield outcome


def _judged(said: str, right: tuple[str, ...]) -> str:
    if said == CANNOT or said.startswith("failed"):
        return said
    return f"{said} ({'right' if said in right else 'another cause'})"


def goals(outcomes: list[Outcome], quiet: list[tuple[str, ...]]) -> tuple[list[list[str]], int]:
    """Rows of goals, and how many are missed. Faults that took no time here do not count."""
    felt = [o for o in outcomes if o.is_felt]
    scored = [o.is_near for o in felt if o.is_near is not None]
    tried = [o for o in felt if o.remedy != "none"]
    rests = [o.unexplained for o in outcomes]
    figures = [
        ("the injected cause comes first", _part([o.is_first for o in felt]), GOAL_FIRST, True),
        ("its share is within 20 % or 1 ms", _part([bool(n) for n in scored]), GOAL_NEAR, True),
        (
            "the first remedy is verified faster",
            _part([o.remedy == "kept" for o in tried]),
            GOAL_REMEDY,
            True,
        ),
        (
            "no cause above 5 % is invented",
            _part([not names for names in quiet]),
            GOAL_QUIET,
            True,
        ),
        (
            "unexplained, median",
            statistics.median(rests) if rests else None,
            GOAL_UNEXPLAINED_MEDIAN,
            False,
        ),
        ("unexplained, worst", max(rests, default=None), GOAL_UNEXPLAINED_WORST, False),
    ]
    rows, misses = [], 0
    for name, value, goal, is_least in figures:
        if value is None:
            rows.append([name, "-", f"{goal:.0%}", "not measured"])
            continue
        is_met = value >= goal if is_least else value <= goal
        misses += not is_met
        sign = ">=" if is_least else "<="
        rows.append([name, f"{value:.1%}", f"{sign} {goal:.0%}", "yes" if is_met else "no"])
    return rows, misses


def _part(values: list[bool]) -> float | None:
    return sum(values) / len(values) if values else None


def page(
    outcomes: list[Outcome],
    quiet: list[tuple[str, ...]],
    goal_rows: list[list[str]],
    minutes: float,
) -> str:
    """The section."""
    heads = ["fault", "model, engine", "control", "adds", "named first", "it says", "unexplained"]
    heads += ["remedy", "EdgeLens says"]
    unfelt = [o for o in outcomes if not o.is_felt]
    invented = [name for names in quiet for name in names]
    notes = [
        f"{len(outcomes)} cases over SSH on the local board, {minutes:.0f} minutes. `adds`: what the "
        "fault adds to the median, measured in turn with the control; `it says`: the share of the "
        "expected cause in milliseconds. The lowered clock is written into the records of real runs, "
        "whose samples are stretched by it: this machine shows no clock.",
    ]
    if unfelt:
        names = ", ".join(f"{o.fault} ({o.subject})" for o in unfelt)
        notes.append(f"Faults that took less than 5 % here, and do not count: {names}.")
    if invented:
        notes.append(f"Invented in {len(quiet)} runs without a fault: {', '.join(invented)}.")
    return "\n\n".join(
        [
            notes[0],
            table(["goal", "measured", "wanted", "met"], goal_rows),
            table(heads, [_row(o) for o in outcomes]),
            *notes[1:],
        ]
    )


def _row(outcome: Outcome) -> list[str]:
    named = "-" if outcome.named_ms is None else f"{outcome.named_ms:.2f} ms"
    near = {True: "", False: " (off)", None: " (not scored)"}[outcome.is_near]
    return [
        outcome.title,
        f"{outcome.subject}, {outcome.engine}",
        f"{outcome.control_ms:.2f} ms",
        f"{outcome.added_ms:+.2f} ms",
        outcome.first + ("" if outcome.is_first else " (wrong)"),
        named + near,
        f"{outcome.unexplained:.1%}",
        outcome.remedy,
        outcome.peer,
    ]


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
