"""Experiments, steps and the roofline in every form of report."""

from __future__ import annotations

import dataclasses
import importlib

import pytest

from edgekit.core.estimate import Estimate
from edgekit.core.lag import AppliedStep, Experiment, Remedy, Roofline
from edgekit.core.record import Unavailable
from edgekit.explain.evidence import Records
from edgekit.explain.explaining import explain
from edgekit.report.input import ReportInput
from edgekit.report.lag import lag_sections, roofline_section
from edgekit.report.text import render
from rule_cases import build, cases
from samples import measurement

MS = Estimate(1.0, 0.9, 1.1)
STEP = AppliedStep(
    "software-threads", "use 2 threads", "edgekit run x", {"threads": "2"}, 1.0, MS, MS, MS, True,
    "kept: it gained 1.00 ms", 3.0,
)  # fmt: skip
FAILED = dataclasses.replace(
    STEP, action="use openvino", before_ms=Unavailable("failed"), after_ms=Unavailable("failed"),
    is_kept=False, outcome="failed: no wheels",
)  # fmt: skip
EXPERIMENT = Experiment(
    "threads-1", "how the work spreads", {"threads": "1"}, MS, MS, MS, "total", "told", 2.0
)


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_what_was_tried_is_in_the_report(form: str) -> None:
    lag = dataclasses.replace(
        explain(measurement(), Records(experiments=(EXPERIMENT,))),
        steps=(STEP, FAILED),
        target="p95<20ms",
        settings={"threads": "2"},
    )
    text = importlib.import_module(f"edgekit.report.{form}").render(ReportInput("t", lag=lag))
    for said in ("how the work spreads", "use 2 threads", "failed: no wheels", "threads=2"):
        assert said in text.replace("\\", "")


def test_a_report_without_them_has_no_empty_section() -> None:
    assert list(lag_sections(explain(measurement()))) == []


def test_gains_stand_beside_remedies() -> None:
    case = next(c for c in cases() if c.rule == "model-denormals" and c.kind == "fires")
    lag = explain(*build(case))
    shown = " ".join(render(ReportInput("t", lag=lag)).split())
    assert "predicted gain 0.6 ms, confidence high" in shown
    finding = lag.findings[0]
    verified: Remedy = dataclasses.replace(finding.remedies[0], verified_gain_ms=MS)
    changed = dataclasses.replace(finding, remedies=(verified,))
    lag = dataclasses.replace(lag, findings=(changed,))
    shown = " ".join(render(ReportInput("t", lag=lag)).split())
    assert "gained 1.00 [0.9, 1.10] ms, verified" in shown


def test_the_roofline_as_a_table() -> None:
    case = next(c for c in cases() if c.rule == "hardware-memory" and c.kind == "fires")
    roofline = explain(*build(case)).roofline
    assert isinstance(roofline, Roofline)
    section = roofline_section(roofline)
    assert section.rows[0][0] == "whole model"
    assert {row[4] for row in section.rows} == {"memory"}
    assert "ridge at 40.0 MAC per byte" in section.notes[0]
