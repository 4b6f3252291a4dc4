"""Writes one section of docs/benchmarks.md; every benchmark owns the section of its name."""

from __future__ import annotations

import os
import platform
import re
import time
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Every section is written by the command it names, which runs edgekit and its peers side by side in one run. Read the ratios:
absolute times belong to the machine that is named beside them.
"""


def write_section(name: str, title: str, body: str, *, page: Path = PAGE) -> None:
    """Puts a section in place of the one of the same name, or at the end of the page.

    Args:
        name: which section; the make target is ``bench-<name>``.
        title: its heading.
        body: Markdown below the line that says when and where it was measured.
        page: the document.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    day = time.strftime("%Y-%m-%d", time.gmtime())
    origin = f"`make bench-{name}`, {day}, {_machine()}."
    section = f"{begin}\n## {title}\n\n{origin}\n\n{body.strip()}\n{end}"
    text = page.read_text(encoding="utf-8") if page.exists() else HEAD
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if pattern.search(text):
        text = pattern.sub(lambda _: section, text)
    else:
        text = f"{text.rstrip()}\n\n{section}\n"
    page.write_text(text, encoding="utf-8")


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE)
        model = found[1] if found else model
    return f"{model}, {os.cpu_count()} processors, Python {platform.python_version()}"
