"""Times per operation are scaled to the inference that nobody watched, and add up to it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.boards.virtual.local import LocalBoard
from edgekit.core.artifact import ModelArtifact
from edgekit.core.deploy import Deployment
from edgekit.core.measurement import RunOptions
from edgekit.core.operations import OperationProfile
from edgekit.core.record import dump, load, parse
from edgekit.measure.board_run import RunTarget
from edgekit.measure.operation_profile import chrome_trace, make_profile
from samples import board_facts, echo_artifact

OPTIONS = RunOptions("onnxruntime", 2, 50, 5)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> RunTarget:
    folder = tmp_path_factory.mktemp("artifact")
    card = load(ModelArtifact, echo_artifact(folder) / "card.json")
    deployment = Deployment(
        board="pi",
        app="cats",
        release="0" * 16,
        previous="",
        changed=True,
        sent_bytes=0,
        signed_by="",
        golden_max_deviation=None,
        phases_ms={},
        release_path="/home/pi/cats",
        engine="onnxruntime",
        engine_version="1.32.0",
    )
    entry = LocalBoard("generic-x86-64", folder=folder).entry
    return RunTarget(entry, board_facts(), deployment, card, ())


def event(operations: list[list[Any]], profiled_ns: float) -> dict[str, Any]:  # Any: JSON
    return {
        "event": "profile",
        "engine": "onnxruntime",
        "version": "1.32.0",
        "method": "a profiler",
        "unprofiled_ns": 1_000_000,
        "profiled_ns": profiled_ns,
        "operations": operations,
    }


def test_times_are_divided_by_what_the_profiler_inflated(target: RunTarget) -> None:
    told = [["c0", "Conv", "cpu", 1_500_000.0], ["c1", "Conv", "cpu", 300_000.0]]
    found = make_profile(
        event([*told, ["f", "Gemm", "cpu", 600_000.0]], 3_000_000), target, OPTIONS
    )
    assert found.inflation == pytest.approx(3.0)
    assert [o.time_ms for o in found.operations] == pytest.approx([0.5, 0.1, 0.2])
    assert found.outside_ms == pytest.approx(0.2)
    assert found.by_type()[0][:2] == ("Conv", 2)
    assert found.by_type()[0][2:] == pytest.approx((0.6, 0.6))
    assert parse(OperationProfile, dump(found)) == found


@given(
    st.lists(st.floats(0, 1e9), min_size=1, max_size=20),
    st.floats(1, 1e10),
)
def test_shares_and_the_rest_add_up(
    target: RunTarget, spent_ns: list[float], profiled_ns: float
) -> None:
    told = [[str(i), "Op", "cpu", ns] for i, ns in enumerate(spent_ns)]
    found = make_profile(event(told, profiled_ns), target, OPTIONS)
    whole = sum(o.time_ms for o in found.operations) + found.outside_ms
    assert whole == pytest.approx(found.unprofiled_ms)
    assert all(0 <= o.share <= 1 for o in found.operations)


def test_a_trace_has_the_operations_one_after_the_other(target: RunTarget) -> None:
    told = [["c0", "Conv", "cpu", 400_000.0], ["f", "Gemm", "gpu", 600_000.0]]
    trace = chrome_trace(make_profile(event(told, 1_000_000), target, OPTIONS))
    first, second = (e for e in trace["traceEvents"] if e["ph"] == "X")
    assert (first["name"], first["ts"], first["dur"]) == ("c0", 0.0, 400.0)
    assert (second["ts"], second["dur"]) == (400.0, 600.0)
    assert second["args"]["where"] == "gpu"


def test_a_profile_of_nothing_is_refused(target: RunTarget) -> None:
    with pytest.raises(ValueError, match="no time"):
        make_profile(event([["c", "Conv", "cpu", 0.0]], 0.0), target, OPTIONS)
