"""Writes the reference pages of the documents from the code itself: docs/reference/*.md.

    gen_reference.py [FOLDER]

Commands, profiles, engines, steps, rules, networks, records and errors; nothing in them is written
by hand. The build of the documents runs it first.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from edgekit.cli.exits import MEANING
from edgekit.cli.main import cli
from edgekit.convert.routes import all_steps
from edgekit.core import errors
from edgekit.core.record import Record
from edgekit.core.units import format_ms
from edgekit.explain.explaining import all_rules
from edgekit.networks.catalog import list_networks
from edgekit.profiles.device import list_profiles
from edgekit_runner import engines

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
PACKAGES = ("edgekit.core", "edgekit.report", "edgekit.measure")
"""Where record kinds are defined."""


def main(folder: Path = FOLDER) -> None:
    """Writes every page, and the index."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "commands": ("Commands", commands()),
        "profiles": ("Device profiles", profiles()),
        "engines": ("Engines", engine_rows()),
        "steps": ("Conversion steps", steps()),
        "rules": ("Rules", rules()),
        "networks": ("Networks", networks()),
        "records": ("Records", records()),
        "errors": ("Errors and exit codes", error_tree()),
    }
    for name, (title, lines) in pages.items():
        text = f"# {title}\n\nMade from the code.\n\n" + "\n".join(lines) + "\n"
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    entries = "\n".join(pages)
    index = f"# Reference\n\n```{{toctree}}\n:maxdepth: 2\n\n{entries}\n```\n"
    (folder / "index.md").write_text(index, encoding="utf-8")


def commands() -> Iterator[str]:
    """Every command's help, as the terminal shows it."""
    context = click.Context(cli, info_name="edgekit", max_content_width=100)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        yield from _command(command, f"edgekit {name}", context, "##")


def _command(
    command: click.Command, name: str, parent: click.Context, level: str
) -> Iterator[str]:
    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=parent)
    yield f"{level} {name}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for child in command.commands.values():
            yield from _command(child, f"{name} {child.name}", context, "###")


def profiles() -> Iterator[str]:
    """One row per profile."""
    rows = [
        [
            p.id,
            p.name,
            p.arch,
            " + ".join(f"{c.count} x {c.kind} {c.clock_mhz} MHz" for c in p.cores),
            "/".join(f"{size / 1000:g}" for size in p.memory.ram_mb) + " GB",
            ", ".join(f"{e.name} {e.version}" for e in p.engines),
            ", ".join(a.name for a in p.accelerators),
        ]
        for p in list_profiles()
    ]
    yield from table(["id", "board", "arch", "cores", "RAM", "engines", "accelerators"], rows)


def engine_rows() -> Iterator[str]:
    """One row per engine."""
    found = [engines.find_engine(name) for name in engines.names()]
    rows = [
        [
            e.NAME,
            e.TITLE,
            ", ".join(e.FORMATS),
            ", ".join(e.DISTRIBUTIONS) or "built in",
            ", ".join(f"{name}={'/'.join(values) or 'any'}" for name, values in e.OPTIONS.items()),
            e.NOTE,
        ]
        for e in found
    ]
    yield from table(["id", "engine", "formats", "packages", "options", "note"], rows)


def steps() -> Iterator[str]:
    """One row per step and recipe."""
    rows = [
        [
            s.name,
            s.source.value,
            s.target.value,
            s.recipe,
            s.environment,
            first_line(importlib.import_module(s.module)),
        ]
        for s in all_steps()
    ]
    yield from table(["step", "from", "to", "recipe", "environment", "does"], rows)


def rules() -> Iterator[str]:
    """One row per rule."""
    rows = [[r.CAUSE, r.GROUP, first_line(r), r.NEEDS, r.SOURCE] for r in all_rules()]
    yield from table(["rule", "group", "cause", "needs", "source of thresholds"], rows)


def networks() -> Iterator[str]:
    """One row per network."""
    rows = [
        [
            n.id,
            n.name,
            format_ms(n.rtt_ms),
            f"{n.up_kbit_s / 1e3:g}" if n.up_kbit_s else "-",
            f"{n.down_kbit_s / 1e3:g}" if n.down_kbit_s else "-",
            f"{n.loss_share:.2%}",
            n.source,
        ]
        for n in list_networks()
    ]
    yield from table(["id", "network", "RTT", "up Mbit/s", "down Mbit/s", "loss", "source"], rows)


def records() -> Iterator[str]:
    """Every kind of stored record with its fields, and the dataclasses inside of them."""
    yield 'A stored record is `{"kind": …, "schema": …, "tool": …}` with the fields below. What could not be had is'
    yield '`{"unavailable": reason}`.\n'
    for kind in sorted(_record_kinds(), key=lambda k: k.KIND):
        yield f"## {kind.KIND}\n\nSchema {kind.SCHEMA}. {first_line(kind)}.\n"
        rows = [[name, hint, said] for name, hint, said in fields_of(kind)]
        yield from table(["field", "type", "meaning"], rows)
        yield ""


def _record_kinds() -> set[type[Record]]:
    for package in PACKAGES:
        module = importlib.import_module(package)
        for found in pkgutil.walk_packages(module.__path__, f"{package}."):
            importlib.import_module(found.name)
    waiting, kinds = [Record], set()
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            if kind.KIND:
                kinds.add(kind)
    return kinds


def fields_of(kind: type) -> Iterator[tuple[str, str, str]]:
    """Name, type and meaning of each field, from the source of the class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(tree, ast.ClassDef)
    for position, node in enumerate(tree.body):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        hint = ast.unparse(node.annotation)
        if "ClassVar" in hint:
            continue
        after = tree.body[position + 1] if position + 1 < len(tree.body) else None
        said = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            said = inspect.cleandoc(str(after.value.value))
        yield node.target.id, hint, said


def error_tree() -> Iterator[str]:
    """The exit codes, then the errors below them."""
    yield from table(["exit code", "meaning"], [[str(c), m] for c, m in MEANING.items()])
    yield ""
    rows = [
        [name, str(kind.exit_code), first_line(kind)]
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.EdgekitError)
    ]
    yield from table(["error", "exit code", "when"], rows)


def first_line(thing: object) -> str:
    """The summary of a docstring."""
    return (inspect.getdoc(thing) or "").partition("\n")[0].rstrip(".")


def table(heads: list[str], rows: list[list[str]]) -> Iterator[str]:
    """A Markdown table; cells may hold anything."""
    yield "| " + " | ".join(heads) + " |"
    yield "| " + " | ".join("---" for _ in heads) + " |"
    for row in rows:
        yield "| " + " | ".join(_cell(cell) for cell in row) + " |"


def _cell(text: str) -> str:
    for letter in "\\|<>*_`[]":
        text = text.replace(letter, f"\\{letter}")
    return text.replace("\n", " ")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
