"""The page in a real browser: no error, charts, sorting by mouse and keyboard, every width and scheme."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from conftest import need_or_skip
from edgekit.report import html
from report_samples import full_report

pytestmark = [pytest.mark.slow]
HOSTILE = (
    "</title></style></script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    need_or_skip(program is not None, "chromium: scripts/install_system_packages.sh")
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    report = full_report(HOSTILE)
    assert report.artifact
    path.write_text(
        html.render(
            dataclasses.replace(
                report, artifact=dataclasses.replace(report.artifact, name=HOSTILE)
            )
        )
    )
    return path.as_uri()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with browser.new_context(offline=True) as context:
        opened = context.new_page()
        told: list[str] = []
        opened.on("console", lambda message: told.append(message.text))
        opened.on("pageerror", lambda error: told.append(str(error)))
        opened.on(
            "request", lambda request: told.append(request.url) if request.url != address else None
        )
        opened.goto(address)
        yield opened
        assert told == []


def test_every_chart_is_there_and_nothing_hostile_ran(page: Page) -> None:
    assert page.title() == HOSTILE
    charts = page.locator("figure > svg")
    assert charts.count() == 8
    for chart in charts.all():
        box = chart.bounding_box()
        assert box is not None
        assert box["height"] > 60
    assert page.locator("img").count() == 0


def column(page: Page, number: int) -> list[str]:
    rows = page.locator("section:has(> h2:text-is('Every operation')) tbody tr")
    return [row.locator("th, td").nth(number).inner_text() for row in rows.all()]


def test_operations_are_sorted_by_mouse_and_keyboard(page: Page) -> None:
    section = page.locator("section:has(> h2:text-is('Every operation'))")
    assert column(page, 1) == ["conv", "add", "fc", "act"]
    section.get_by_role("button", name="time").click()
    assert column(page, 1) == ["conv", "fc", "act", "add"]
    head = section.locator("th[aria-sort]")
    assert head.count() == 1
    assert head.get_attribute("aria-sort") == "descending"
    section.get_by_role("button", name="time").press("Enter")
    assert column(page, 1) == ["add", "act", "fc", "conv"]
    section.get_by_role("button", name="operation").focus()
    page.keyboard.press("Space")
    assert column(page, 1) == ["act", "add", "conv", "fc"]


@pytest.mark.parametrize("width", [320, 390, 768, 1400])
def test_nothing_is_wider_than_the_screen(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_and_print_change_the_page(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(ground) == "rgb(20, 23, 29)"
    page.emulate_media(color_scheme="dark", media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_headings_go_down_one_level_at_a_time_and_tables_have_names(page: Page) -> None:
    levels = [
        int(tag[1])
        for tag in page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(e => e.tagName)")
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    for table in page.locator("table").all():
        name = table.get_attribute("aria-labelledby")
        assert page.locator(f"[id='{name}']").inner_text()
