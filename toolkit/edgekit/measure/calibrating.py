"""Calibrates a board: the engine's peak per precision, and memory bandwidth; kept per board."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgekit.boards.session import RunnerSession
from edgekit.core.errors import RecordError, RunnerFailed
from edgekit.core.lag import Calibration
from edgekit.core.record import Unavailable, load, save
from edgekit.measure.board_run import EMULATED_FACTOR, RunTarget
from edgekit.toolenvs import worker
from edgekit.toolenvs.environment import cache_folder
from edgekit_runner import engines

PROBE_MODELS = "edgekit.measure.probe_models"
TIMEOUT_S = 120
SECONDS = 0.4
"""Of runs per precision; the fastest counts."""
METHOD = "the fastest run of a 256 x 512 x 512 product by the engine; the fastest copy"

Progress = Callable[[str], None]
Event = Mapping[str, Any]  # Any: JSON


def calibrate_board(
    session: RunnerSession,
    target: RunTarget,
    threads: int,
    *,
    fresh: bool = False,
    progress: Progress = lambda message: None,
) -> Calibration:
    """The board's peaks with the target's engine, from the cache unless ``fresh``.

    Raises:
        RunnerFailed: the board gave none.
        BoardError: the board was lost, or lacks the engine.
    """
    path = calibration_path(target, threads)
    if not fresh and path.exists():
        try:
            return load(Calibration, path)
        except RecordError:
            progress("the kept calibration is of another version; making it again")
    made = _calibrate(session, target, threads, progress)
    save(made, path)
    return made


def calibration_path(target: RunTarget, threads: int) -> Path:
    """Where a calibration is kept: one per board, machine, engine and number of threads."""
    engine = target.deployment.engine
    entry = target.entry
    words = (entry.name, entry.host, target.machine, engine, str(threads), *target.site)
    mark = hashlib.sha256("\n".join(words).encode()).hexdigest()[:12]
    return cache_folder() / "calibrations" / f"{entry.name}-{engine}-{threads}-{mark}.json"


def _calibrate(
    session: RunnerSession, target: RunTarget, threads: int, progress: Progress
) -> Calibration:
    engine = target.deployment.engine
    kind = "tflite" if "tflite" in engines.find_engine(engine).FORMATS[:1] else "onnx"
    started = time.perf_counter()
    macs, models = probe_models(kind, progress=progress)
    progress(f"calibrating {target.entry.name} with {engine}, {threads} threads")
    limit_s = TIMEOUT_S * (EMULATED_FACTOR if target.entry.emulated else 1)
    request = {
        "site": list(target.site),
        "engine": engine,
        "threads": threads,
        "format": kind,
        "models": {k: base64.b64encode(v).decode("ascii") for k, v in models.items()},
        "seconds": SECONDS,
        "deadline_s": limit_s,
    }
    event = next(
        (
            event
            for event in session.call("calibrate", request, timeout_s=limit_s)
            if event["event"] == "calibration"
        ),
        None,
    )
    if event is None:
        raise RunnerFailed("the runner gave no calibration")
    return make_calibration(
        event, target, threads, macs=macs, elapsed_s=time.perf_counter() - started
    )


def make_calibration(
    event: Event, target: RunTarget, threads: int, *, macs: int, elapsed_s: float
) -> Calibration:
    """The record of a ``calibration`` event.

    Raises:
        RunnerFailed: it is not what the wire language says.
    """
    try:
        peaks = {str(k): macs / float(ns) * 1e9 for k, ns in event["fastest_ns"].items()}
        rates = {int(size): float(rate) for size, rate in event["bandwidth"].items()}
        largest = max(rates, default=0)
        return Calibration(
            board=target.entry.name,
            machine=target.machine,
            mode=target.entry.mode,
            engine=str(event["engine"]),
            engine_version=str(event["version"]),
            threads=threads,
            macs_per_s=peaks,
            bandwidth_bytes_per_s=rates[largest]
            if rates
            else Unavailable("the board copied nothing"),
            method=METHOD,
            elapsed_s=round(elapsed_s, 2),
            measured_utc=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            bandwidth_by_bytes={str(size): rates[size] for size in sorted(rates)},
        )
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as err:
        raise RunnerFailed(f"the runner's calibration is not understood: {err}") from err


def probe_models(
    kind: str, *, progress: Progress = lambda message: None
) -> tuple[int, Mapping[str, bytes]]:
    """Multiply-accumulates of the product, and its model files by precision; made once."""
    source = Path(__file__).with_name("probe_models.py").read_bytes()
    folder = cache_folder() / "probes" / f"{kind}-{hashlib.sha256(source).hexdigest()[:12]}"
    from edgekit.measure.probe_models import COLUMNS, DEPTH, ROWS

    paths = {name: folder / f"{name}.{kind}" for name in ("float32", "int8")}
    if not all(path.exists() for path in paths.values()):
        request = {"format": kind, "folder": str(folder)}
        worker.call("onnx", PROBE_MODELS, request, progress=progress)
    return ROWS * DEPTH * COLUMNS, {name: path.read_bytes() for name, path in paths.items()}
