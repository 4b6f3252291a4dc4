"""Forms for other programs: CSV, JUnit, Chrome trace; and the page's own rules."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from edgekit.cli.main import run
from edgekit.core.gate import Gate
from edgekit.core.measurement import Level
from edgekit.core.record import save
from edgekit.report import csv_form, html, json_form, junit, markdown, trace
from edgekit.report.input import ReportInput
from report_samples import full_report, hot_run, operation_profile, selection
from samples import measurement, trip

HOSTILE = "\x1b[31m</script><script>alert(1)</script>\"'&\x00"


@pytest.fixture(scope="module")
def report() -> ReportInput:
    return full_report()


def test_csv_has_every_sample_and_no_formula(report: ReportInput) -> None:
    assert report.measurement
    named = dataclasses.replace(report.measurement, id="=1+1")
    rows = list(
        csv.DictReader(
            io.StringIO(csv_form.render(dataclasses.replace(report, measurement=named)))
        )
    )
    assert len(rows) == 1000 + 100 + 2 * 100
    assert rows[0]["record"] == "'=1+1"
    assert float(rows[0]["total_ms"]) == named.samples_ns["total"][0] / 1e6
    assert rows[0]["round_trip_ms"] == ""
    assert float(rows[-1]["round_trip_ms"]) > 0
    assert {row["mode"] for row in rows} == {"measured", "emulated"}


def test_junit_fails_on_missed_budgets_and_invalid_runs(report: ReportInput) -> None:
    assert report.measurement
    note = dataclasses.replace(
        report.measurement.validity[0], level=Level.INVALID, message=HOSTILE
    )
    bad = dataclasses.replace(
        report,
        title=HOSTILE,
        measurement=dataclasses.replace(report.measurement, validity=(note,)),
        gates=(*report.gates, Gate("edge.p99>1ms", "edge p99 is 1.8", is_kept=False)),
    )
    for shown, failures in ((report, 0), (bad, 2)):
        suites = ElementTree.fromstring(junit.render(shown).encode())
        cases = list(suites.iter("testcase"))
        assert suites.attrib["tests"] == str(len(cases)) == str(len(shown.gates) + 3)
        assert len(list(suites.iter("failure"))) == int(suites.attrib["failures"]) == failures


def test_the_trace_nests_phases_in_invocations(report: ReportInput) -> None:
    events = json.loads(trace.render(report))["traceEvents"]
    spans = [event for event in events if event["ph"] == "X"]
    whole = [event for event in spans if event["name"] == "invocation"]
    assert len(whole) == 1000 + 100 + 2 * 100
    first, *phases = [event for event in spans if event["pid"] == 1][:4]
    assert [event["name"] for event in phases] == ["preprocess", "infer", "postprocess"]
    assert all(
        first["ts"] <= e["ts"] and e["ts"] + e["dur"] <= first["ts"] + first["dur"] for e in phases
    )
    assert {event["name"] for event in events if event["ph"] == "C"} == {
        "temperature C",
        "clock MHz",
    }


def test_markdown_says_how_to_reproduce_it_and_keeps_hostile_names_inert(
    report: ReportInput,
) -> None:
    shown = markdown.render(dataclasses.replace(report, title=HOSTILE))
    assert "## How to reproduce it" in shown
    assert "<script>" not in shown
    assert "\x1b" not in shown


def test_the_page_of_100_000_samples_stays_below_a_megabyte() -> None:
    page = html.render(ReportInput("long", measurement=hot_run(100_000)))
    assert len(page.encode()) < 300_000
    assert page.count("<svg") == 3


def test_json_holds_every_record(report: ReportInput) -> None:
    plain = json.loads(json_form.render(report))
    assert {name for name, value in plain.items() if not value} == {"deployment"}


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_is_readable_in_both_colour_schemes(report: ReportInput) -> None:
    page = html.render(report)
    schemes = re.findall(r":root \{(.*?)\}", page, re.DOTALL)
    assert len(schemes) == 3, "light, dark, print"
    for scheme in schemes:
        colours = dict(re.findall(r"--([\w]+): (#\w{6})", scheme))
        for ground in (colours["page"], colours["card"]):
            for name, least in (
                *((name, 4.5) for name in ("ink", "soft", "edge", "cloud", "bad", "warn")),
                *((f"s{i}", 3.0) for i in range(6)),
            ):
                light, dark = sorted((luminance(colours[name]), luminance(ground)), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= least, (name, colours[name], ground)


def write_records(folder: Path) -> list[str]:
    records = (measurement(), trip(40.0), selection(), operation_profile())
    return [str(save(record, folder / f"{i}.json")) for i, record in enumerate(records)]


def test_the_command_writes_every_form_and_judges(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = write_records(tmp_path)
    forms = {
        name: tmp_path / f"out/{name}" for name in ("html", "markdown", "csv", "junit", "trace")
    }
    options = [part for name, path in forms.items() for part in (f"--{name}", str(path))]
    assert run(["report", *given, *options, "--fail-if", "edge.p95>1us"]) == 7
    captured = capsys.readouterr()
    assert "edge p95 is 1.311" in captured.err
    assert all(path.stat().st_size > 200 for path in forms.values())
    assert "<failure" in forms["junit"].read_text()
    assert run(["report", *given, "--fail-if", "edge.p95>1s"]) == 0
    assert "kept" in capsys.readouterr().out
    assert run(["report", given[2], "--fail-if", "edge.p95>1s"]) == 3
    assert run(["report", given[0], "--out", str(tmp_path / "x.htm")]) == 3
    assert "did you mean .html?" in capsys.readouterr().err


def test_several_runs_are_shown_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(save(hot_run(50, seed=i), tmp_path / f"{i}.json")) for i in range(3)]
    assert run(["report", *paths]) == 0
    assert capsys.readouterr().out.count("run-00000001") == 3
