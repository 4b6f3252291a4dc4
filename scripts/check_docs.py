"""Checks the documents: links resolve, commands exist, fenced JSON and TOML parse.

The console blocks of README.md and docs/ are executed by tests/docs.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from edgekit.cli.group import summaries

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|[\s`/])edgekit (?!-)([a-z][a-z-]+)", re.MULTILINE)
MAKE = re.compile(r"`make ([a-z0-9-]+)`")
PLACE = re.compile(r"/(?:work|root|farm)/")


def documents() -> list[Path]:
    """Every Markdown file of the project."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def problems_of(path: Path, targets: set[str], commands: set[str]) -> Iterator[str]:
    """What is wrong in one document, a line each."""
    text = path.read_text(encoding="utf-8")
    for match in LINK.finditer(text):
        if "://" not in match[1] and not (path.parent / match[1]).exists():
            yield f"the link {match[1]} leads nowhere"
    for language, body in FENCE.findall(text):
        yield from _problems_of_block(language, body, commands)
    for name in MAKE.findall(text):
        if name not in targets:
            yield f"`make {name}` is no target"
    if PLACE.search(text):
        yield "a path of one machine is named"


def _problems_of_block(language: str, body: str, commands: set[str]) -> Iterator[str]:
    parsers: dict[str, Callable[[str], object]] = {
        "json": json.loads,
        "toml": tomllib.loads,
        "yaml": yaml.safe_load,
    }
    if language in parsers:
        try:
            parsers[language](body)
        except (ValueError, yaml.YAMLError) as err:
            yield f"a {language} block does not parse: {err}"
    if language == "console":
        for name in COMMAND.findall(body):
            if name not in commands:
                yield f"`edgekit {name}` is no command"


def main() -> int:
    """Prints every problem; 1 when there is one."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    commands = set(summaries())
    found = [
        f"{path.relative_to(ROOT)}: {problem}"
        for path in documents()
        for problem in problems_of(path, targets, commands)
    ]
    print("\n".join(found) if found else f"docs: {len(documents())} documents are in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
