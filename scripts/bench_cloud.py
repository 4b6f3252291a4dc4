"""The model server and the client: beside KServe's SDK, MLServer, plain FastAPI and Locust."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmark_page import write_section
from cloud_bench.cases import CASES
from cloud_bench.measuring import Bench


def main() -> int:
    """Runs the cases and writes the section; 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="requests of a case")
    parser.add_argument("--seconds", type=float, default=10.0, help="of a case, at most")
    parser.add_argument("--only", default="", help="cases by name: protocols,replicas")
    parser.add_argument("--dry", action="store_true", help="print the section, leave the page")
    given = parser.parse_args()
    chosen = [c for c in CASES if not given.only or c.__name__ in given.only.split(",")]
    with tempfile.TemporaryDirectory(prefix="edgekit-bench-cloud-") as scratch:
        bench = Bench(Path(scratch), given.runs, given.seconds)
        bench.make_models()
        parts = [case(bench) for case in chosen]
    body = "\n\n".join(part.text for part in parts)
    goals = [is_met for part in parts for _, is_met in part.goals]
    body += f"\n\n{sum(goals)} of {len(goals)} goals are met."
    if given.dry or given.only:
        print(body)
    else:
        write_section("cloud", "Serving, asking and comparing", body)
    return int(not all(goals))


if __name__ == "__main__":
    sys.exit(main())
