"""Writes the sections of docs/lag.md that the rules themselves say: one per cause."""

from __future__ import annotations

import re
from pathlib import Path

from edgekit.explain.explaining import all_rules

PAGE = Path(__file__).resolve().parent.parent / "docs" / "lag.md"
BEGIN, END = "<!-- begin rules -->", "<!-- end rules -->"
GROUPS = {"model": "The model", "hardware": "The hardware", "software": "The software"}


def sections() -> str:
    """Every rule by group: what it is, what it judges by, and where its thresholds come from."""
    parts = []
    for group, title in GROUPS.items():
        parts.append(f"## {title}")
        for rule in all_rules():
            if group != rule.GROUP:
                continue
            what = (rule.__doc__ or "").strip().splitlines()[0]
            judges = (rule.judge.__doc__ or "").strip().splitlines()[0]
            parts.append(
                f"### {rule.CAUSE}\n\n{what} {judges}\n\n"
                f"* Needs: {rule.NEEDS}.\n* Source: {rule.SOURCE}."
            )
    return "\n\n".join(parts)


def page(text: str) -> str:
    """The page with today's sections."""
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    return pattern.sub(lambda _: f"{BEGIN}\n{sections()}\n{END}", text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
