"""Where to cut a model: times per operation laid on the file's, and what each cut would take."""

from __future__ import annotations

import dataclasses

import pytest

from edgekit.core.errors import NotComparable
from edgekit.core.mode import Mode
from edgekit.core.network import NetworkProfile
from edgekit.core.operations import OperationProfile, OperationTime
from edgekit.core.record import Unavailable, from_plain, to_plain
from edgekit.core.split import GraphCut, GraphNode, NetworkSplit, SplitCheck, SplitPoint
from edgekit.measure.splitting import Shares, Sides, shares_of, split_over
from samples import FIBER, trip

NODES = (
    GraphNode("conv_a", "Conv", ("a",)),
    GraphNode("relu_a", "Relu", ("ra",)),
    GraphNode("pool", "AveragePool", ("small",)),
    GraphNode("conv_b", "Conv", ("b",)),
    GraphNode("gemm", "Gemm", ("scores",)),
)
CUTS = (
    GraphCut(1, "ra", (1, 8, 16, 16), "float32", 8192),
    GraphCut(2, "small", (1, 8, 2, 2), "float32", 128),
    GraphCut(3, "b", (1, 64, 8, 8), "float32", 16384),
)


def profile(*operations: tuple[str, float]) -> OperationProfile:
    """A profile of a whole that takes what its operations take."""
    whole = sum(ms for _, ms in operations)
    return OperationProfile(
        id="ops-1",
        board="pi",
        machine="a board",
        mode=Mode.MEASURED,
        engine="onnxruntime",
        engine_version="1",
        threads=1,
        batch=1,
        model={},
        method="a test",
        unprofiled_ms=whole,
        profiled_ms=whole,
        operations=tuple(OperationTime(n, "?", "cpu", ms, ms / whole) for n, ms in operations),
        outside_ms=0.0,
        measured_utc="",
    )


def test_fused_and_unknown_operations_are_laid_on_the_file() -> None:
    found = shares_of(
        profile(("ra_nchwc", 4.0), ("ReorderOutput", 0.5), ("pool", 0.5), ("fused conv_b", 3.0),
                ("gemm", 1.5), ("Copy", 0.5)),
        NODES,
    )  # fmt: skip
    assert found.until == pytest.approx((0.0, 0.4, 0.5, 0.8, 1.0))
    assert found.matched == pytest.approx(0.9)


def test_operations_without_a_name_go_by_type_and_number() -> None:
    unnamed = [dataclasses.replace(node, name="") for node in NODES]
    found = shares_of(profile(("Conv_0", 6.0), ("Gemm_4", 2.0), ("AveragePool_2", 2.0)), unnamed)
    assert found.until == pytest.approx((0.6, 0.6, 0.8, 0.8, 1.0))


def test_a_profile_of_another_model_is_refused() -> None:
    with pytest.raises(NotComparable, match="only 10% of the time on pi"):
        shares_of(profile(("gemm", 1.0), ("something", 9.0)), NODES)


def even() -> Shares:
    return Shares((0.2, 0.4, 0.5, 0.8, 1.0), 1.0)


def test_the_cut_weighs_computing_against_sending() -> None:
    """40 ms on the board, 4 at the endpoint; 1 Mbit/s up, so 1 kB takes 8 ms."""
    slow = NetworkProfile("slow", "Slow", 10.0, 0.0, 1000.0, 1000.0, "a test")
    whole = dataclasses.replace(
        trip(200.0, slow), up_bytes=(20_000,) * 100, down_bytes=(125,) * 100
    )
    found = split_over(whole, None, CUTS, Sides(40.0, even(), 4.0, even()))
    by_name = {point.tensor: point for point in found.points}
    assert list(by_name) == ["input", "ra", "small", "b", ""]
    # 200 ms = 10 + 160 up + 1 down + 4 computing + what the protocol takes
    assert found.overhead_ms == pytest.approx(25.02, abs=0.05)
    small = by_name["small"]
    assert small.edge_ms == pytest.approx(20.0)
    assert small.cloud_ms == pytest.approx(2.0)
    assert small.transfer_ms == pytest.approx(10 + 1.024 + 1 + found.overhead_ms)
    assert by_name["input"].total_ms == pytest.approx(200.02, abs=0.05), "as measured"
    assert found.best_cut == small
    assert found.best.is_edge, "a cut costs 59 ms here, the board alone 40"
    weak = split_over(whole, None, CUTS, Sides(400.0, even(), 4.0, even()))
    assert weak.best.tensor == "input"
    middle = split_over(
        dataclasses.replace(whole, network=dataclasses.replace(slow, up_kbit_s=400.0)),
        None,
        CUTS,
        Sides(70.0, even(), 4.0, even()),
    )
    assert middle.best.tensor == "small"


def test_what_the_protocol_takes_grows_with_the_size() -> None:
    slow = NetworkProfile("slow", "Slow", 10.0, 0.0, 1000.0, 1000.0, "a test")
    whole = dataclasses.replace(
        trip(200.0, slow),
        up_bytes=(20_000,) * 100,
        down_bytes=(125,) * 100,
        once_ns={"ping": 15_000_000},
    )
    found = split_over(whole, None, CUTS, Sides(40.0, even(), 4.0, even()))
    by_name = {point.tensor: point for point in found.points}
    assert by_name["input"].total_ms == pytest.approx(200.02, abs=0.05), "as measured"
    share = 128 / 20_000
    protocol_ms = 5.0 + (found.overhead_ms - 5.0) * share
    assert by_name["small"].transfer_ms == pytest.approx(10 + 1.024 + 1 + protocol_ms)


def test_without_a_rate_nothing_is_predicted() -> None:
    with pytest.raises(NotComparable, match="rate of the real network is not known"):
        split_over(trip(5.0, None), None, CUTS, Sides(1.0, even(), 1.0, even()))


def test_a_model_that_cannot_be_cut_says_so() -> None:
    found = split_over(trip(5.0, FIBER), None, (), Sides(1.0, even(), 1.0, even()))
    assert isinstance(found.best_cut, Unavailable)
    assert len(found.points) == 2
    assert from_plain(NetworkSplit, to_plain(found)) == found


def test_the_error_of_a_prediction_is_told_with_its_sign() -> None:
    check = SplitCheck(10.0, 30.0, 40.0, 50.0, 0.0)
    assert check.error_share == pytest.approx(0.25)
    assert SplitPoint("t", (1,), "int8", 1, 1.0, 2.0, 3.0).total_ms == 6.0
