"""The report as plain text for a terminal."""

from __future__ import annotations

import textwrap

from edgekit.report.input import ReportInput
from edgekit.report.section import Section
from edgekit.report.sections import headline, sections

SUFFIX = ".txt"
WIDTH = 100


def render(report: ReportInput) -> str:
    """Headline, then every section as an aligned table."""
    parts = [headline(report)]
    parts += [render_section(section) for section in sections(report)]
    return "\n\n".join(parts) + "\n"


def render_section(section: Section) -> str:
    """The section with its title and its notes."""
    lines = [section.title.upper()]
    if section.title == "Causes":
        lines += _causes(section)
    else:
        lines.append(render_table(section))
    for note in section.notes:
        lines += textwrap.wrap(f"* {note}", WIDTH, subsequent_indent="  ")
    return "\n".join(lines)


def render_table(section: Section) -> str:
    """The section's rows with aligned columns."""
    has_header = any(section.headers)
    rows = ([section.headers] if has_header else []) + list(section.rows)
    widths = [max(len(row[i]) for row in rows) for i in range(len(section.headers))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    if has_header:
        lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _causes(section: Section) -> list[str]:
    lines: list[str] = []
    for share, severity, title, evidence, remedy in section.rows:
        mark = "" if severity == "info" else f"{severity}: "
        lines.append(f"{share:>4}  {mark}{title}")
        lines += _indented(evidence)
        if remedy:
            lines += _indented(f"-> {remedy}")
    return lines


def _indented(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="      ", subsequent_indent="      ")
