"""What counts as a change of the recorded costs."""

from __future__ import annotations

import dataclasses

from edgekit.boards.virtual.arm64 import PROCESSORS
from edgekit.core.mode import Mode
from edgekit.core.record import load
from emulated_costs import FILE, SUBJECTS, Cost, Costs, changes

RECORDED = Cost("small int8-static", "litert", "2.3.0", "cortex-a72", 1_000_000, 1_001_000)


def test_the_recorded_file_holds_every_subject_on_every_processor() -> None:
    costs = load(Costs, FILE).costs
    held = {(cost.subject, cost.processor) for cost in costs}
    assert held == {(s.title, p) for s in SUBJECTS for p in PROCESSORS}
    assert all(cost.mode is Mode.EMULATED for cost in costs)
    assert changes(costs, costs) == []


def test_a_tenth_of_a_percent_is_a_change() -> None:
    near = dataclasses.replace(RECORDED, min_ns=1_000_900, median_ns=1_005_900)
    assert changes([RECORDED], [near]) == []
    (problem,) = changes([RECORDED], [dataclasses.replace(RECORDED, min_ns=998_000)])
    assert "smallest cost went from 1000000 to 998000 instructions (-0.20%)" in problem
    (problem,) = changes([RECORDED], [dataclasses.replace(RECORDED, median_ns=1_007_000)])
    assert "median" in problem


def test_another_engine_version_is_told_as_such() -> None:
    (problem,) = changes([RECORDED], [dataclasses.replace(RECORDED, version="2.4.0", min_ns=1)])
    assert problem.endswith("was recorded with litert 2.3.0, this is litert 2.4.0")
    (problem,) = changes([], [RECORDED])
    assert problem == "small int8-static on cortex-a72 is not recorded"
