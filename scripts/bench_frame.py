"""What the benches of deploying have in common: options, a folder that goes, the page's section."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmark_page import write_section

Measure = Callable[[Path, argparse.Namespace], str]


def run_bench(name: str, title: str, parser: argparse.ArgumentParser, measure: Measure) -> None:
    """Measures in a folder of its own, prints what was found, writes it to docs/benchmarks.md.

    Args:
        name: of the section; the make target is ``bench-<name>``.
        title: its heading.
        parser: the bench's own options; ``--no-page`` is added.
        measure: gives the section's Markdown.
    """
    parser.add_argument("--no-page", action="store_true", help="Do not write docs/benchmarks.md.")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and folders go
    folder = Path(tempfile.mkdtemp(prefix="edgekit-bench-"))
    try:
        body = measure(folder, options)
    finally:
        shutil.rmtree(folder)
    print(body)
    if not options.no_page:
        write_section(name, title, body)
