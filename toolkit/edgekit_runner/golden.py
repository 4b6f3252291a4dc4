"""Runs the golden samples on this board and compares with the expected outputs."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

from . import engines, sites, wire
from .agreement import Agreement, worst
from .failure import Failure
from .samples import Release, dequantize

Emit = Callable[..., None]


def check(request: Dict[str, Any], emit: Emit) -> None:  # Any: JSON
    """Emits ``agreement`` and ``golden``; fails when an output is off by more than the tolerance."""
    sites.use(request.get("site", []))
    release = Release(request["release_path"])
    session = sites.load(
        engines.find_engine(request["engine"]),
        release.model_path,
        request.get("threads", 1),
        request.get("engine_options"),
    )
    host, original = compare(session, release)
    deviation = worst(host)
    for against, found in (("host", host), ("original", original)):
        outputs = [agreement.told() for agreement in found if agreement.samples]
        if outputs:
            emit("agreement", against=against, outputs=outputs)
    emit(
        "golden",
        samples=release.sample_count,
        max_deviation=deviation if deviation != float("inf") else 1e308,
        tolerance=release.tolerance,
        passed=deviation <= release.tolerance,
    )
    _require_passed(deviation, release)


def require_golden(session: Any, release: Release) -> float:  # Any: a Session
    """The largest deviation over the golden samples.

    Raises:
        Failure: it is over the card's tolerance.
    """
    deviation = worst(compare(session, release)[0])
    _require_passed(deviation, release)
    return deviation


# Any: a Session
def compare(session: Any, release: Release) -> Tuple[List[Agreement], List[Agreement]]:
    """Agreement per output with the artifact on the host, and with the original model."""
    names = [spec["name"] for spec in release.card["outputs"]]
    host = [Agreement(name) for name in names]
    original = [Agreement(name) for name in names]
    for i in range(release.sample_count):
        _compare(session, release, i, host, original)
    return host, original


def _require_passed(deviation: float, release: Release) -> None:
    if deviation > release.tolerance:
        raise Failure(
            wire.ERROR_GOLDEN_FAILED,
            "outputs on the board differ from the recorded ones by up to %.4g, allowed is %.4g"
            % (deviation, release.tolerance),
        )


# Any: a Session
def _compare(
    session: Any, release: Release, sample: int, host: List[Agreement], original: List[Agreement]
) -> None:
    """One sample against the artifact on the host and, where it was recorded, the original."""
    import numpy

    outputs = session.run(release.tensors(sample, "in"))
    recorded = release.tensors(sample, "out")
    for j, spec in enumerate(release.card["outputs"]):
        scheme = spec.get("quantization") or {}
        scale, zero_point = scheme.get("scale", 0.0), scheme.get("zero_point", 0)
        got = dequantize(numpy.asarray(outputs[j]), scale, zero_point)
        host[j].add(got, dequantize(recorded[j], scale, zero_point))
        reference = release.reference(sample, j)
        if reference is not None and reference.size == got.size:
            original[j].add(got, reference)
