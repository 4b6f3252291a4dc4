"""Ledgers add up, whatever was measured; rules find what was put there."""

from __future__ import annotations

import dataclasses
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.core.artifact import FileEntry
from edgekit.core.errors import NotComparable
from edgekit.core.estimate import Estimate
from edgekit.core.lag import Experiment, LagReport, Severity
from edgekit.core.measurement import Condition, Measurement
from edgekit.core.record import Unavailable, dump, parse
from edgekit.explain.evidence import Records
from edgekit.explain.explaining import all_rules, explain
from edgekit.explain.ledger import central, cloud_ledger, edge_ledger, waited_ms
from edgekit.networks.catalog import load_network
from edgekit.profiles.device import load_profile
from samples import FIBER, artifact_card, measurement, trip

PHASE = st.lists(st.integers(1, 10**9), min_size=5, max_size=50)


def with_phases(pre: list[int], infer: list[int], post: list[int]) -> Measurement:
    count = min(len(pre), len(infer), len(post))
    rows = list(zip(pre[:count], infer[:count], post[:count], strict=True))
    return measurement(
        {
            "preprocess": tuple(row[0] for row in rows),
            "infer": tuple(row[1] for row in rows),
            "postprocess": tuple(row[2] for row in rows),
            "total": tuple(sum(row) for row in rows),
        }
    )


@given(PHASE, PHASE, PHASE)
def test_shares_of_the_edge_add_up(pre: list[int], infer: list[int], post: list[int]) -> None:
    ledger = edge_ledger(with_phases(pre, infer, post))
    assert fsum(share.time_ms for share in ledger.shares) == pytest.approx(ledger.total_ms)


@given(st.floats(1.0, 5000.0), st.integers(5, 200))
def test_shares_of_the_cloud_add_up(total_ms: float, count: int) -> None:
    ledger = cloud_ledger(trip(total_ms, count=count))
    assert fsum(share.time_ms for share in ledger.shares) == pytest.approx(ledger.total_ms)


def test_the_network_is_told_apart_from_the_server() -> None:
    ledger = cloud_ledger(trip(40.0))
    times = {share.id: share.time_ms for share in ledger.shares}
    assert times["network-rtt"] == 4.0
    assert times["transfer-up"] == pytest.approx(15_000 * 8 / 5000)
    assert times["transfer-down"] == pytest.approx(4_100 * 8 / 20000)
    assert times["server-compute"] == pytest.approx(3.0)
    assert ledger.unavailable == ()


def test_a_real_network_says_what_it_cannot_know() -> None:
    ledger = cloud_ledger(trip(40.0, None))
    assert {name for name, _ in ledger.unavailable} == {"transfer-up", "transfer-down"}
    assert "network-rtt" in {share.id for share in ledger.shares}


def test_one_thread_tells_waiting_by_processor_time() -> None:
    base = measurement(threads=1)
    samples = dict(base.samples_ns) | {"cpu": tuple(v - 400_000 for v in base.samples_ns["infer"])}
    ledger = edge_ledger(measurement(samples, threads=1))
    times = {share.id: share.time_ms for share in ledger.shares}
    assert times["waiting"] == pytest.approx(0.4)


def test_a_few_long_waits_are_not_laid_on_the_median() -> None:
    quick, slow = 20_000, 5_000_000
    infer = (quick,) * 380 + (slow,) * 20
    base = measurement(wait_ns=2 * 20 * (slow - quick))
    zeros = (0,) * 400
    samples = {"preprocess": zeros, "infer": infer, "postprocess": zeros, "total": infer}
    ledger = edge_ledger(dataclasses.replace(base, samples_ns=samples))
    times = {share.id: share.time_ms for share in ledger.shares}
    assert times["waiting"] == pytest.approx(0.0, abs=1e-6)
    assert times["engine-compute"] == pytest.approx(0.02)


def test_a_wait_that_all_invocations_share_is_told() -> None:
    assert waited_ms(10.0, [10_000_000] * 10, 40_000_000) == pytest.approx(4.0)
    assert waited_ms(10.0, [10_000_000] * 10, 9e9) == 10.0
    assert waited_ms(2.0, [1_000_000, 2_000_000], 500_000) == pytest.approx(0.5)


def test_threads_that_nobody_waits_for_delay_no_short_inference() -> None:
    infer = [1_000_000] * 9 + [3_000_000]
    assert waited_ms(1.0, infer, 9e9) == 0.0
    assert waited_ms(3.0, infer, 9e9) == pytest.approx(2.0)


def test_a_slow_handshake_is_not_a_longer_way_than_the_request_took() -> None:
    slow = dataclasses.replace(trip(6.0, None), once_ns={"connect": 12_000_000})
    ledger = cloud_ledger(slow)
    times = {share.id: share.time_ms for share in ledger.shares}
    assert 0 < times["network-rtt"] < 2.1
    assert times["unexplained"] >= -1e-9
    assert "12.0 ms" in next(s.evidence for s in ledger.shares if s.id == "network-rtt")


def test_another_models_card_explains_nothing() -> None:
    measured = measurement()
    model = dict(measured.model) | {"sha256": "b" * 64}
    card = artifact_card(files=(FileEntry("model.onnx", "c" * 64, 10),))
    with pytest.raises(NotComparable, match="bbbbbbbbbbbb"):
        explain(dataclasses.replace(measured, model=model), Records(artifact=card))


def found(report: LagReport) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in report.findings}


def test_every_rule_says_who_it_is() -> None:
    causes = [rule.CAUSE for rule in all_rules()]
    assert len(set(causes)) == len(causes) >= 10
    assert {rule.GROUP for rule in all_rules()} == {"model", "hardware", "software"}


def test_nothing_known_is_unavailable_and_never_a_finding() -> None:
    report = explain(measurement())
    assert {"model-parameters", "hardware-arithmetic", "software-network"} <= {
        cause for cause, _ in report.unavailable
    }
    assert parse(LagReport, dump(report)) == report


def test_contention_is_found() -> None:
    infer = tuple(1_000_000 + 800_000 * (i % 2) for i in range(400))
    base = measurement().samples_ns
    samples = dict(base) | {"infer": infer, "total": tuple(v + 305_000 for v in infer)}
    report = explain(measurement(samples, wait_ns=400 * 2 * 400_000))
    assert found(report)["software-contention"] in (Severity.WARNING, Severity.SEVERE)


def test_throttling_is_found() -> None:
    conditions = (
        Condition(0, clock_mhz=1800.0, throttled="0x0"),
        Condition(10**9, clock_mhz=1200.0, throttled="0x4"),
    )
    report = explain(measurement(conditions=conditions))
    assert found(report)["hardware-throttling"] == Severity.SEVERE


def test_float_where_int8_pays_is_found_with_its_command() -> None:
    profile = load_profile("raspberrypi-4b")
    report = explain(measurement(recipe="float"), Records(profile=profile))
    finding = next(f for f in report.findings if f.rule == "software-precision")
    assert finding.remedies[0].change == {"recipe": "int8-dynamic"}


def test_the_network_is_found_when_it_is_most_of_a_request() -> None:
    far = dataclasses.replace(FIBER, rtt_ms=20.0)
    report = explain(measurement(), Records((trip(40.0, far),)))
    assert found(report)["software-network"] == Severity.SEVERE
    near = dataclasses.replace(FIBER, id="near", rtt_ms=0.1, up_kbit_s=0.0, down_kbit_s=0.0)
    assert "software-network" not in found(explain(measurement(), Records((trip(40.0, near),))))


def test_slow_preparing_is_found_and_comes_first() -> None:
    base = measurement().samples_ns
    samples = {
        "preprocess": (9_000_000,) * 400,
        "infer": base["infer"],
        "postprocess": base["postprocess"],
        "total": tuple(v + 8_700_000 for v in base["total"]),
    }
    report = explain(measurement(samples))
    assert report.findings[0].rule == "software-pipeline"
    assert report.findings[0].severity == Severity.SEVERE
    share = report.findings[0].share
    assert not isinstance(share, Unavailable)
    assert share == pytest.approx(0.9, abs=0.05)


def test_requests_of_different_size_count_with_their_own_bytes() -> None:
    # half of the requests are 20 kB larger, which takes 32 ms at 5 Mbit/s
    sizes = tuple(15_000 + 20_000 * (i % 2) for i in range(100))
    total = tuple(int((20 + size * 8 / 5000) * 1e6) for size in sizes)
    base = trip(1.0)
    samples = dict(base.samples_ns) | {"total": total}
    ledger = cloud_ledger(dataclasses.replace(base, samples_ns=samples, up_bytes=sizes))
    times = {share.id: share.time_ms for share in ledger.shares}
    assert abs(times["unexplained"]) < 20
    assert times["unexplained"] > 0


def test_a_capacity_that_changes_counts_with_its_mean() -> None:
    network = load_network("lte-drive")
    assert network.up_trace
    assert network.up_kbit_s > 100
    ledger = cloud_ledger(trip(500.0, network))
    (sending,) = (share for share in ledger.shares if share.id == "transfer-up")
    assert sending.time_ms == pytest.approx(15_000 * 8 / network.up_kbit_s)
    assert "Mbit/s on average" in sending.evidence


def gained(phase_gains_ms: dict[str, float]) -> Experiment:
    total = sum(phase_gains_ms.values())
    gain = Estimate(total, 0.9 * total, 1.1 * total)
    base = Estimate(1.308, 1.3, 1.31)
    change = {"engine_option.spinning": "off"}
    return Experiment(
        "spinning-off", "q", change, base, base, gain, "total", "told", 1.0, phase_gains_ms
    )


def test_a_loss_is_taken_from_the_phases_in_which_it_lies() -> None:
    experiment = gained({"preprocess": 0.1, "infer": 0.4, "postprocess": -0.1})
    measured = measurement()
    ledger = edge_ledger(measured, Records(experiments=(experiment,)))
    times = {share.id: share.time_ms for share in ledger.shares}
    assert times["preprocess"] == pytest.approx(0.2, abs=1e-3)
    assert times["spinning"] == pytest.approx(0.5, abs=1e-3)
    assert times["postprocess"] == pytest.approx(0.005)
    assert fsum(times.values()) == pytest.approx(ledger.total_ms)


def test_a_loss_that_lies_around_the_inference_alone() -> None:
    experiment = gained({"preprocess": 0.25, "infer": 0.0, "postprocess": 0.0})
    ledger = edge_ledger(measurement(), Records(experiments=(experiment,)))
    times = {share.id: share.time_ms for share in ledger.shares}
    assert times["preprocess"] == pytest.approx(0.05, abs=1e-3)
    assert times["spinning"] == pytest.approx(0.25, abs=1e-3)
    assert fsum(times.values()) == pytest.approx(ledger.total_ms)
    assert ledger.inconsistent == ()


def test_a_loss_is_scaled_to_the_run_that_is_explained() -> None:
    experiment = gained({"preprocess": 0.0, "infer": 0.2, "postprocess": 0.0})
    slow = dataclasses.replace(experiment, base_ms=Estimate(0.654, 0.6, 0.7))
    ledger = edge_ledger(measurement(), Records(experiments=(slow,)))
    times = {share.id: share.time_ms for share in ledger.shares}
    assert times["spinning"] == pytest.approx(0.4, abs=1e-3)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=60))
def test_what_stands_for_the_median_has_its_time(totals: list[int]) -> None:
    median_ms, chosen = central(totals)
    assert fsum(weight for _, weight in chosen) == pytest.approx(1.0)
    assert fsum(totals[i] * weight for i, weight in chosen) / 1e6 == pytest.approx(median_ms)


def test_a_median_between_two_levels_leaves_nothing_unexplained() -> None:
    infer = (1_000_000, 5_000_000) * 20
    zeros = (0,) * 40
    samples = {"preprocess": zeros, "infer": infer, "postprocess": zeros, "total": infer}
    ledger = edge_ledger(measurement(samples))
    times = {share.id: share.time_ms for share in ledger.shares}
    assert ledger.total_ms == 3.0
    assert times["unexplained"] == pytest.approx(0.0, abs=1e-9)
