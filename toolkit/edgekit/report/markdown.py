"""The report as Markdown, for issues and pull requests."""

from __future__ import annotations

from edgekit.core.text import plain_line
from edgekit.report.input import ReportInput
from edgekit.report.reproduction import reproduction_section
from edgekit.report.section import Section
from edgekit.report.sections import headline, sections

SUFFIX = ".md"


def render(report: ReportInput) -> str:
    """Headline, then every section as a table."""
    parts = [f"# {escape(report.title)}", f"**{escape(headline(report))}**"]
    several = (*sections(report), *reproduction_section(report))
    parts += [_section(section) for section in several]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Text that Markdown shows as it is, inside a table too."""
    for letter in "\\`*_<>[]|#":
        text = text.replace(letter, f"\\{letter}")
    return plain_line(text)


def _section(section: Section) -> str:
    lines = [f"## {escape(section.title)}", "", _row(section.headers)]
    lines.append("|" + "---|" * len(section.headers))
    lines += [_row(row) for row in section.rows]
    if section.notes:
        lines.append("")
        lines += [f"- {escape(note)}" for note in section.notes]
    return "\n".join(lines)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(escape(cell) for cell in cells) + " |"
