"""Every renderer over the same records."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edgekit.core.artifact import ModelArtifact
from edgekit.core.record import load, parse
from edgekit.explain.evidence import Records
from edgekit.explain.explaining import explain
from edgekit.measure.compare import compare
from edgekit.report import html, json_form, markdown, text
from edgekit.report.charts.drawing import LABEL_LENGTH
from edgekit.report.charts.ledger import ledger_chart
from edgekit.report.input import ReportInput
from edgekit.report.sections import headline
from samples import echo_artifact, measurement, trip

VOID = {"meta", "line", "circle", "rect", "br", "polyline"}


@pytest.fixture
def report(tmp_path: Path) -> ReportInput:
    measured, trips = measurement(), (trip(40.0), trip(80.0, None))
    card = load(ModelArtifact, echo_artifact(tmp_path / "a") / "card.json")
    return ReportInput(
        "cats on local",
        artifact=dataclasses.replace(card, name="<script>alert(1)</script>"),
        measurement=measured,
        trips=trips,
        comparison=compare(measured, trips),
        lag=explain(measured, Records(trips, card)),
    )


class Balanced(HTMLParser):
    """Fails on tags that do not close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json_form"])
def test_a_report_of_a_title_alone(form: str) -> None:
    module = importlib.import_module(f"edgekit.report.{form}")
    assert "nothing yet" in module.render(ReportInput("nothing yet"))


def test_the_page_is_well_formed_self_contained_and_escaped(report: ReportInput) -> None:
    page = html.render(report)
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert page.count("<script") == 1
    assert "&lt;script&gt;" in page
    assert not re.search(r"src=|href=\"[^#]", page)
    assert "@import" not in page
    assert "url(" not in page
    assert page.count("<svg") == 6


def test_the_text_has_the_verdict_and_the_sum(report: ReportInput) -> None:
    shown = text.render(report)
    assert "the edge is faster over fiber" in shown
    assert "sum = median" in shown
    assert "EDGE OR CLOUD" in shown


def test_markdown_tables_have_equal_columns(report: ReportInput) -> None:
    for block in markdown.render(report).split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        counts = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
        assert len(counts) <= 1, rows


def test_json_reads_back(report: ReportInput) -> None:
    assert parse(ReportInput, json.loads(json_form.render(report))) == report


def test_headlines(report: ReportInput) -> None:
    assert headline(ReportInput("only a title")) == "only a title"
    assert "takes" in headline(ReportInput("x", measurement=report.measurement))


def test_labels_of_charts_stay_inside_the_picture(report: ReportInput) -> None:
    assert report.lag
    ledger = report.lag.ledgers[0]
    far = dataclasses.replace(ledger, subject="cloud at grpc://models.example.com:8081")
    drawn = ledger_chart(dataclasses.replace(report.lag, ledgers=(far,)))
    assert "<title>cloud at grpc://models.example.com:8081</title>…" in drawn
    shown = re.findall(r"</title>(…[^<]*)</text>", drawn)
    assert [len(text) for text in shown] == [LABEL_LENGTH]
    assert ">edge</text>" in ledger_chart(report.lag)
