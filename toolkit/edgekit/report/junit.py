"""The report as JUnit XML: budgets, validity and the model's own budgets as test cases.

A missed budget and an invalid measurement fail; a doubtful measurement is told but does not.
Source: the schema that Jenkins and GitLab read, junit-10.xsd of the Jenkins xUnit plug-in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from edgekit.core.measurement import Measurement, Stamp
from edgekit.report.input import ReportInput

SUFFIX = ".xml"
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow, not even escaped."""


@dataclass(frozen=True)
class Case:
    """A test case."""

    group: str
    name: str
    failure: str = ""
    """Empty: it passed."""
    said: str = ""
    time_s: float = 0.0


def render(report: ReportInput) -> str:
    """One test suite."""
    cases = tuple(_cases(report))
    failed = sum(bool(case.failure) for case in cases)
    head = f'name="edgekit" tests="{len(cases)}" failures="{failed}" errors="0"'
    title = _attribute(report.title)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name={title} tests="{len(cases)}" failures="{failed}">',
        f"<testsuite {head}>",
        *map(_element, cases),
        "</testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _cases(report: ReportInput) -> Iterator[Case]:
    for gate in report.gates:
        yield Case("budget", gate.text, "" if gate.is_kept else gate.seen, gate.seen)
    first = () if report.measurement is None else (report.measurement,)
    for measurement in (*first, *report.more_measurements):
        yield _validity(measurement)
    if report.artifact is not None:
        for rung in report.artifact.rungs[-1:]:
            yield Case("accuracy", f"{rung.engine} {rung.recipe}", rung.missed)
    if report.selection is not None:
        kept = report.selection.winner
        yield Case(
            "selection", report.selection.model_name, "" if kept else "no candidate keeps it", kept
        )


def _validity(measurement: Measurement) -> Case:
    notes = [f"{n.level.value}: {n.message} -> {n.cure}" for n in measurement.validity]
    said = "\n".join([measurement.stamp.value, *notes])
    failure = said if measurement.stamp is Stamp.INVALID else ""
    name = f"{measurement.id} on {measurement.board} can be trusted"
    return Case("validity", name, failure, said, measurement.wall_s)


def _element(case: Case) -> str:
    head = (
        f"<testcase classname={_attribute('edgekit.' + case.group)} "
        f'name={_attribute(case.name)} time="{case.time_s:.3f}">'
    )
    failure = f"<failure message={_attribute(case.failure)}/>" if case.failure else ""
    said = f"<system-out>{escape(_clean(case.said))}</system-out>" if case.said else ""
    return f"{head}{failure}{said}</testcase>"


def _clean(text: str) -> str:
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _attribute(text: str) -> str:
    return quoteattr(_clean(text))
