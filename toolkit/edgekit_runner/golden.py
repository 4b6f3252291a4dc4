"""Runs the golden samples on this board and compares with the expected outputs."""

from __future__ import annotations

from typing import Any, Callable, Dict

from . import engines, sites, wire
from .failure import Failure
from .samples import Release, dequantize

Emit = Callable[..., None]


def check(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Emits ``golden``; fails when an output is off by more than the card's tolerance."""
    sites.use(request.get("site", []))
    release = Release(request["release_path"])
    session = sites.load(
        engines.find_engine(request["engine"]), release.model_path, request.get("threads", 1)
    )
    worst = max((_deviation(session, release, i) for i in range(release.sample_count)), default=0)
    passed = worst <= release.tolerance
    emit(
        "golden",
        samples=release.sample_count,
        max_deviation=worst if worst != float("inf") else 1e308,
        tolerance=release.tolerance,
        passed=passed,
    )
    if not passed:
        raise Failure(
            wire.ERROR_GOLDEN_FAILED,
            "outputs on the board differ from the recorded ones by up to %.4g, allowed is %.4g"
            % (worst, release.tolerance),
        )


def _deviation(session: Any, release: Release, sample: int) -> float:  # Any: a Session
    import numpy

    outputs = session.run(release.tensors(sample, "in"))
    worst = 0.0
    expected = zip(outputs, release.tensors(sample, "out"), release.card["outputs"])
    for got, wanted, spec in expected:
        scheme = spec.get("quantization") or {}
        scale, zero_point = scheme.get("scale", 0.0), scheme.get("zero_point", 0)
        difference = dequantize(numpy.asarray(got), scale, zero_point) - dequantize(
            wanted, scale, zero_point
        )
        if difference.size and not numpy.isfinite(difference).all():
            return float("inf")
        worst = max(worst, float(numpy.abs(difference).max()) if difference.size else 0.0)
    return worst
