"""Console blocks of README and docs do what they show."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from edgekit.cli.exits import MEANING
from edgekit.cli.main import run

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def commands() -> list[tuple[str, str, list[str]]]:
    """Page, command line, and the lines of output that are shown."""
    found = []
    for page in PAGES:
        for block in FENCE.findall(page.read_text()):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                line, *shown = part.strip("\n").splitlines()
                found.append((page.name, line, shown))
    return found


@pytest.mark.parametrize(("page", "line", "shown"), commands())
def test_console_blocks(
    page: str,
    line: str,
    shown: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEKIT_TABLES", "wide")
    program, *arguments = shlex.split(line)
    assert program == "edgekit", f"{page}: {line}"
    run(arguments)
    printed = capsys.readouterr()
    lines = (printed.out + printed.err).splitlines()
    for wanted in shown:
        if wanted.strip() != "...":
            assert wanted in lines, f"{page}: {line}: {wanted!r} is not printed"


def test_there_are_console_blocks() -> None:
    assert len(commands()) >= 3


def test_the_page_of_exit_codes_is_complete() -> None:
    text = (ROOT / "docs/exit-codes.md").read_text()
    for code, meaning in MEANING.items():
        assert f"| {code} | {meaning} |" in text
