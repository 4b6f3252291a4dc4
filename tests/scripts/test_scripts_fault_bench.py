"""The fault bench: its scores, its injected records, its goals."""

from __future__ import annotations

import dataclasses
from math import fsum

import pytest

from bench_explain import goals, page
from edgekit.core.lag import Basis, Finding, LagReport, Ledger, Severity, Share
from edgekit.explain.evidence import Records
from edgekit.explain.explaining import all_rules, explain
from fault_bench.cases import Outcome, invented, outcome_of
from fault_bench.faults import (
    SUBJECTS,
    CloudFault,
    Fault,
    Subject,
    cloud_cases,
    edge_cases,
)
from fault_bench.injecting import slowed
from fault_bench.peer import first_type
from samples import board_facts, measurement

GOOD = Outcome("a", "A", "m", "e", 10.0, 5.0, "rule", True, 5.2, 0.01, "kept")


def test_every_fault_names_rules_that_exist() -> None:
    known = {rule.CAUSE for rule in all_rules()}
    cases: list[tuple[Subject, Fault | CloudFault]] = [*edge_cases(), *cloud_cases()]
    assert len(cases) >= 30
    assert all(set(fault.rules) <= known for _, fault in cases)
    assert len({subject.engine for subject, _ in cases}) == 2


def report(share: float) -> LagReport:
    shares = (
        Share("waiting", "w", 10 * share, Basis.DERIVED, "e"),
        Share("unexplained", "u", 10 * (1 - share), Basis.DERIVED, "e"),
    )
    finding = Finding("software-contention", "software", "t", Severity.WARNING, share, "e", "s")
    return LagReport("run-1", (Ledger("edge", 10.0, shares),), (finding,))


def scored(share: float, added_ms: float) -> Outcome:
    rules = ("software-contention",)
    return outcome_of(
        "f", "F", SUBJECTS[0], report(share), rules, control_ms=5.0, added_ms=added_ms
    )


def test_a_share_is_near_within_a_fifth_or_a_millisecond() -> None:
    assert scored(0.5, 5.0).is_near
    assert scored(0.5, 6.2).is_near
    assert not scored(0.5, 8.0).is_near
    assert scored(0.05, 1.4).is_near
    assert scored(0.5, 5.0).is_first
    assert scored(0.5, 5.0).unexplained == pytest.approx(0.5)
    assert not scored(0.5, 0.1).is_felt


def test_goals_are_met_and_missed() -> None:
    rows, misses = goals([GOOD] * 20, [()])
    assert misses == 0
    assert [row[3] for row in rows] == ["yes"] * 6
    wrong = dataclasses.replace(GOOD, is_first=False, named_ms=None, unexplained=0.4)
    rows, misses = goals([GOOD, wrong], [("software-contention 6%",)])
    assert misses == 5
    assert "software-contention 6%" in page([GOOD], [("software-contention 6%",)], rows, 1.0)


def test_faults_that_nobody_felt_do_not_count() -> None:
    unfelt = dataclasses.replace(GOOD, added_ms=0.1, is_first=False)
    assert goals([GOOD, unfelt], [()])[1] == 0
    assert "do not count: a (m)" in page([unfelt], [], [], 1.0)


def test_a_lowered_clock_is_found_in_the_record() -> None:
    for fault in (f for s, f in edge_cases() if f.clock_share and s is SUBJECTS[0]):
        facts = dataclasses.replace(
            board_facts(), max_clock_mhz=2000.0, governor=fault.governor or "ondemand"
        )
        found = explain(slowed(measurement(), fault), Records(facts=facts))
        assert found.findings[0].rule in fault.rules
        share = found.findings[0].share
        assert isinstance(share, float)
        total_ms = found.ledgers[0].total_ms
        added_ms = total_ms * (1 - fault.clock_share)
        assert share * total_ms == pytest.approx(added_ms, rel=0.3)
        assert fsum(s.time_ms for s in found.ledgers[0].shares) == pytest.approx(total_ms)


def test_invented_causes() -> None:
    assert invented(report(0.5)) == ("software-contention 50%",)
    assert invented(report(0.01)) == ()


def test_the_peers_first_word() -> None:
    document = {"a": 1, "primary": {"type": "THERMAL"}, "findings": [{"type": "BALANCED"}]}
    assert first_type(document) == "THERMAL"
    assert first_type({"a": []}) == ""
