"""Records of every kind that a report can show."""

from __future__ import annotations

import dataclasses
import random

from edgekit.core.board import BoardFacts
from edgekit.core.estimate import Estimate
from edgekit.core.gate import Gate
from edgekit.core.lag import Basis, Roofline, RooflinePoint
from edgekit.core.load import LoadPoint, LoadSweep
from edgekit.core.measurement import Condition, Level, Measurement, ValidityNote
from edgekit.core.mode import Mode
from edgekit.core.operations import OperationProfile, OperationTime
from edgekit.core.record import Unavailable
from edgekit.core.run_set import Across, Cell, Launch, RunSet
from edgekit.core.selection import Candidate, Selection
from edgekit.explain.evidence import Records
from edgekit.explain.explaining import explain
from edgekit.measure.compare import compare
from edgekit.profiles.device import load_profile
from edgekit.report.input import ReportInput
from samples import artifact_card, board_facts, measurement, trip


def hot_run(count: int = 1000, *, seed: int = 1) -> Measurement:
    """A run that the board slowed down in its last third."""
    draw = random.Random(seed)
    slow = count * 2 // 3
    infer = tuple(
        int(1e6 * (1.3 if i > slow else 1.0) + draw.gammavariate(2, 40_000)) for i in range(count)
    )
    samples = {
        "preprocess": (300_000,) * count,
        "infer": infer,
        "postprocess": (5_000,) * count,
        "total": tuple(305_100 + value for value in infer),
    }
    starts, now = [], 0
    for value in samples["total"]:
        starts.append(now)
        now += value + 10_000
    conditions = tuple(
        Condition(
            at_ns=now * i // 29,
            temperature_c=50.0 + 1.2 * i,
            clock_mhz=1800.0 if i < 20 else 1400.0,
            throttled="0x0" if i < 20 else "0x50005",
            load_1min=0.5,
            cpu_pressure_us=1000 * i,
        )
        for i in range(30)
    )
    note = ValidityNote("throttled", Level.WARNING, "the board was slowed down", "cool it")
    return dataclasses.replace(
        measurement(samples, conditions=conditions),
        starts_ns=tuple(starts),
        timed_ns=now,
        validity=(note,),
    )


def operation_profile() -> OperationProfile:
    """Four operations; their order by time is not their order by name."""
    parts = (
        ("conv", "CONV_2D", 0.5),
        ("add", "ADD", 0.05),
        ("fc", "FC", 0.2),
        ("act", "ADD", 0.1),
    )
    return OperationProfile(
        id="ops-1",
        board="local",
        machine="cortex-a72",
        mode=Mode.MEASURED,
        engine="litert",
        engine_version="2.3.0",
        threads=2,
        batch=1,
        model={"name": "cats", "recipe": "float"},
        method="the engine's own profiler",
        unprofiled_ms=1.0,
        profiled_ms=1.2,
        operations=tuple(OperationTime(n, t, "XNNPACK", s, s) for n, t, s in parts),
        outside_ms=0.15,
        measured_utc="2026-11-24T12:00:00Z",
    )


def selection() -> Selection:
    """Three candidates, one of them not measured."""
    candidates = (
        Candidate(
            "litert", "float", 18_600_000, 0.0, 1.0, p50_ms=Estimate(3.0, 2.9, 3.1), is_pareto=True
        ),
        Candidate(
            "litert",
            "int8-static",
            5_270_000,
            3.3,
            0.95,
            p50_ms=Estimate(1.2, 1.1, 1.3),
            is_pareto=True,
        ),
        Candidate("openvino", "int8-static", 5_400_000, p50_ms=Unavailable("no wheel")),
    )
    return Selection(
        "cats",
        "raspberrypi-4b",
        "pi",
        "cortex-a72",
        Mode.MEASURED,
        candidates,
        "litert int8-static",
    )


def run_set() -> RunSet:
    """One and two threads, in two launches each."""
    options = measurement().options
    cells = tuple(
        Cell(
            dataclasses.replace(options, threads=threads),
            (
                Launch("run-1", 0, p50, p50 * 1.2, 900.0),
                Launch("run-2", 1, p50 * 1.01, None, None),
            ),
            Across(Estimate(p50, p50 * 0.98, p50 * 1.02), 0.01, 0.002, "more launches"),
        )
        for threads, p50 in ((1, 2.0), (2, 1.1))
    )
    return RunSet("pi", "cats", "cortex-a72", 7, cells, "2026-11-24T12:00:00Z")


def load_sweep() -> LoadSweep:
    """An endpoint at one rate."""
    known = Estimate(4.0, 3.9, 4.1)
    point = LoadPoint(
        "jpeg", 20.0, 1, 19.9, known, known, Unavailable("few"), 0.1, 0.01, 200, 15e3, "t"
    )
    return LoadSweep(
        "load-1", "grpc://h:1", "cats", "fiber", (point,), {"jpeg": 20.0}, "2026-11-24T12:00:00Z"
    )


def roofline() -> Roofline:
    """One operation type that was timed, and one that was not."""
    points = (
        RooflinePoint("whole model", 385_000_000, 14_000_000, 0.9, 1.5),
        RooflinePoint("CONV_2D", 350_000_000, 13_000_000, 0.8, 0.5),
        RooflinePoint("ADD", 0, 1_000_000, 0.1, Unavailable("operations were not profiled")),
    )
    return Roofline("float32", 5e11, 5e9, Basis.PREDICTED, "the device profile", points)


def facts() -> BoardFacts:
    """Of the board."""
    return board_facts()


def full_report(title: str = "cats on local") -> ReportInput:
    """Every kind of record at once."""
    measured, trips = hot_run(), (trip(40.0), trip(80.0, None))
    card = artifact_card()
    profile = load_profile("raspberrypi-4b")
    found = explain(measured, Records(trips, card, profile))
    return ReportInput(
        title,
        artifact=card,
        measurement=measured,
        trips=trips,
        comparison=compare(measured, trips),
        lag=dataclasses.replace(found, roofline=roofline()),
        more_measurements=(dataclasses.replace(hot_run(100, seed=2), id="run-00000002"),),
        run_set=run_set(),
        selection=selection(),
        operations=operation_profile(),
        load=load_sweep(),
        facts=facts(),
        gates=(Gate("edge.p95>20ms", "edge p95 is 1.7", is_kept=True),),
    )
