"""Charts: scales, shapes, and that nothing leaves the picture."""

from __future__ import annotations

import dataclasses
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit.core.estimate import summarize
from edgekit.core.selection import Candidate
from edgekit.measure.compare import compare
from edgekit.report.charts.break_even import break_even_chart
from edgekit.report.charts.distribution import Series, ecdf_chart, histogram_chart
from edgekit.report.charts.drawing import WIDTH, linear, logarithmic
from edgekit.report.charts.latency import latency_chart
from edgekit.report.charts.ledger import ledger_chart
from edgekit.report.charts.pareto import loss_class, pareto_chart
from edgekit.report.charts.roofline import roofline_chart
from edgekit.report.charts.timeline import thin, timeline_chart
from edgekit.report.input import ReportInput
from edgekit.report.run_facts import throttled_spans
from report_samples import full_report, hot_run, roofline, selection
from samples import FIBER, measurement, trip

LATENCIES = st.lists(st.integers(1, 10**11), min_size=1, max_size=600)


@pytest.fixture(scope="module")
def report() -> ReportInput:
    return full_report()


def drawn(report: ReportInput) -> dict[str, str]:
    assert report.measurement and report.comparison and report.lag and report.selection
    total = report.measurement.samples_ns["total"]
    series = Series("edge", "series0", total, summarize(total))
    return {
        "latency": latency_chart(report.comparison),
        "break-even": break_even_chart(report.comparison),
        "ledger": ledger_chart(report.lag),
        "histogram": histogram_chart(series),
        "ecdf": ecdf_chart([series]),
        "timeline": timeline_chart(report.measurement),
        "pareto": pareto_chart(report.selection),
        "roofline": roofline_chart(roofline()),
    }


def require_inside(picture: str) -> ElementTree.Element:
    """The parsed picture, when it is XML and every mark lies inside of it."""
    root = ElementTree.fromstring(picture)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert width == WIDTH
    for mark in root.iter():
        for name, end in (("x", width), ("x1", width), ("x2", width), ("cx", width)):
            assert 0 <= float(mark.get(name, 0)) <= end, ElementTree.tostring(mark)
        for name in ("y", "y1", "y2", "cy"):
            assert 0 <= float(mark.get(name, 0)) <= height, ElementTree.tostring(mark)
        if mark.tag == "rect":
            assert float(mark.attrib["x"]) + float(mark.attrib["width"]) <= width + 1
            assert float(mark.attrib["y"]) + float(mark.attrib["height"]) <= height + 1
        for point in re.findall(r"([\d.-]+),([\d.-]+)", mark.get("points", "")):
            assert 0 <= float(point[0]) <= width
            assert 0 <= float(point[1]) <= height
    return root


def test_every_chart_is_xml_inside_its_frame_and_says_what_it_shows(report: ReportInput) -> None:
    for name, picture in drawn(report).items():
        root = require_inside(picture)
        assert root.get("role") == "img", name
        assert len(root.get("aria-label", "")) > 30, name


@given(st.floats(1e-6, 1e9), st.floats(1e-6, 1e9), st.booleans())
def test_scales_keep_order_and_their_ticks_lie_inside(a: float, b: float, is_log: bool) -> None:
    scale = logarithmic([a, b], 0, 100) if is_log else linear(min(a, b), max(a, b), 0, 100)
    low, high = min(a, b), max(a, b)
    assert scale.at(low) <= scale.at(high)
    slack = 1e-8 * (scale.high - scale.low)
    assert all(scale.low - slack <= tick <= scale.high + slack for tick in scale.ticks())
    assert len(scale.ticks()) <= 20


@given(LATENCIES)
def test_distributions_of_anything_are_drawn(samples: list[int]) -> None:
    series = Series("edge", "series0", samples, summarize(samples))
    bars = require_inside(histogram_chart(series))
    counted = [bar.find("title") for bar in bars.iter("rect") if bar.get("class") == "bar edge"]
    inside = sum(int((title.text or "").split()[0]) for title in counted if title is not None)
    beyond = re.search(r"(\d+) of \d+ lie beyond", histogram_chart(series))
    assert inside + (int(beyond[1]) if beyond else 0) == len(samples)
    require_inside(ecdf_chart([series, dataclasses.replace(series, kind="series1")]))


@given(LATENCIES)
def test_runs_of_any_length_have_a_timeline(samples: list[int]) -> None:
    run = measurement({name: tuple(samples) for name in ("infer", "total")})
    starts = tuple(sum(samples[:i]) for i in range(len(samples)))
    require_inside(timeline_chart(dataclasses.replace(run, starts_ns=starts)))


def test_a_long_run_shows_every_slow_sample_and_stays_small() -> None:
    run = hot_run(100_000)
    totals = list(run.samples_ns["total"])
    totals[5_000] = 10**9
    run = dataclasses.replace(run, samples_ns={**run.samples_ns, "total": tuple(totals)})
    picture = timeline_chart(run)
    assert "<title>1.00 s</title>" in picture
    assert picture.count('class="throttled"') == 2, "the span, and its entry in the legend"
    assert len(picture) < 60_000


def test_spans_of_throttling_begin_and_end() -> None:
    conditions = hot_run(50).conditions
    (begin, end), *more = throttled_spans(conditions)
    assert not more
    assert (begin, end) == (conditions[20].at_ns, conditions[-1].at_ns)
    cooled = (*conditions, dataclasses.replace(conditions[0], at_ns=conditions[-1].at_ns + 5))
    assert list(throttled_spans(cooled)) == [(begin, conditions[-1].at_ns + 5)]


def test_thinning_keeps_the_extremes() -> None:
    series = tuple((i, float(i % 997)) for i in range(50_000))
    kept = thin(series)
    assert len(kept) <= 800
    assert {max(v for _, v in kept), min(v for _, v in kept)} == {996.0, 0.0}
    assert list(kept) == sorted(kept)


def test_the_break_even_is_marked_where_the_curves_cross() -> None:
    slow = measurement()
    far = tuple(100_000_000 + 1000 * (i % 5) for i in range(400))
    slow = dataclasses.replace(slow, samples_ns={**slow.samples_ns, "total": far})
    comparison = compare(slow, (trip(40.0, FIBER),))
    picture = break_even_chart(comparison)
    assert "both are equal at a round trip of 64.0 ms" in picture
    assert break_even_chart(compare(slow, (trip(40.0, None),))) == ""


def test_candidates_say_what_they_lose() -> None:
    assert loss_class(Candidate("a", "b", 1)) == "loss-unknown"
    assert loss_class(Candidate("a", "b", 1, drop_points=0.2)) == "loss-small"
    assert loss_class(Candidate("a", "b", 1, agreement=0.98)) == "loss-some"
    assert loss_class(Candidate("a", "b", 1, drop_points=9.0)) == "loss-large"
    assert (
        pareto_chart(dataclasses.replace(selection(), candidates=selection().candidates[2:])) == ""
    )


def test_only_timed_operations_get_a_point() -> None:
    picture = roofline_chart(roofline())
    assert "CONV_2D: 26.9 MAC per byte at 700 GMAC/s" in picture
    assert ">ADD<" not in picture
    assert "roof guessed" in picture, "figures of a profile are drawn otherwise than measured ones"
    untimed = dataclasses.replace(roofline(), points=roofline().points[2:])
    assert roofline_chart(untimed) == ""
