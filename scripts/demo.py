"""The demo: a real model through the whole job on the embedded default.

EfficientNet-Lite0 with its ImageNet weights and real photographs go through `edgekit go`: a board
over real SSH, a local cloud endpoint, three emulated networks. `--board arm64` takes the emulated
arm64 board of scripts/make_board_image.sh instead of this machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from demo_model import prepare
from edgekit.cli.main import run
from edgekit.core.errors import EdgekitError

EXPLAIN_BUDGET = "18s"


def main() -> int:
    """Prepares the model and runs the job; gives its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--board", default="local", choices=["local", "arm64"])
    parser.add_argument("--out", type=Path, default=Path("demo-out"))
    options = parser.parse_args()
    os.environ.setdefault("EDGEKIT_TABLES", "wide")
    started = time.perf_counter()
    try:
        model, calibration, labelled = prepare(_say)
    except EdgekitError as err:
        _say(f"error: {err.message}")
        return err.exit_code
    arguments = ["go", str(model), "--profile", "raspberrypi", "--board", options.board]
    arguments += ["--calibration", str(calibration), "--data", str(labelled)]
    arguments += ["--pipeline", "mean=127,std=128", "--out", str(options.out)]
    if options.board == "arm64":  # an inference takes seconds there, and repeats to 0.3 %
        arguments += ["--runs", "12", "--warmup-runs", "2", "--seconds", "0"]
    _say("$ edgekit " + " ".join(arguments))
    code = run(arguments)
    if code == 0 and options.board == "local":
        code = _explain(options.out)
    _say(f"finished in {time.perf_counter() - started:.0f} s with exit code {code}")
    return code


def _explain(out: Path) -> int:
    """Experiments on the board, and what helps, carried out and verified."""
    arguments = ["explain", str(out / "artifact"), "--board", "local", "--budget", EXPLAIN_BUDGET]
    arguments += ["--apply", "--records", str(out / "records"), "-q"]
    _say("\n$ edgekit " + " ".join(arguments))
    return run(arguments)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
