"""List, show and check the inference engines."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import click

from edgekit.cli.output import Output, aligned, output_options, table
from edgekit.core.errors import ConfigError
from edgekit.core.suggest import did_you_mean


@click.group(invoke_without_command=True)
@click.pass_context
@output_options
def command(ctx: click.Context, output: Output) -> None:
    """Inference engines: formats, packages, what to know before choosing one.

    \b
    Examples:
      edgekit engines list
      edgekit engines show litert
      edgekit engines check
    """
    if ctx.invoked_subcommand is None:
        _list(output)


@command.command("list")
@output_options
def list_command(output: Output) -> None:
    """List every engine."""
    _list(output)


@command.command("show")
@click.argument("engine")
@output_options
def show_command(engine: str, output: Output) -> None:
    """Show an engine: what it runs, its settings, and the profiles that name it."""
    from edgekit.profiles.device import list_profiles

    found = _find(engine)
    document = _document(found)
    document["profiles"] = [
        f"{profile.id} ({choice.version})"
        for profile in list_profiles()
        for choice in profile.engines
        if choice.name == found.NAME and not profile.alias_of
    ]
    rows = [(key, _words(value)) for key, value in document.items()]
    output.data(document, aligned(("", ""), rows).partition("\n")[2].partition("\n")[2])


@command.command("check")
@click.argument("engine", required=False)
@output_options
def check_command(engine: str | None, output: Output) -> None:
    """Check that an engine's file, or every one, offers what docs/add-an-engine.md asks for."""
    from edgekit_runner import engines

    names = [engine] if engine else engines.names()
    problems = [problem for name in names for problem in _problems(_find(name))]
    if problems:
        raise ConfigError("\n".join(problems), details={"problems": problems})
    output.data({"checked": names}, f"{len(names)} engines are in order")


def _list(output: Output) -> None:
    from edgekit_runner import engines

    found = [engines.find_engine(name) for name in engines.names()]
    rows = [
        (e.NAME, e.TITLE, ", ".join(e.FORMATS), ", ".join(e.DISTRIBUTIONS) or "built in", e.NOTE)
        for e in found
    ]
    headers = ("name", "engine", "formats", "packages", "note")
    output.data([_document(e) for e in found], table(headers, rows))
    output.next_step("edgekit engines show litert")


def _find(name: str) -> ModuleType:
    from edgekit_runner import engines

    if name not in engines.names():
        raise ConfigError(
            f"no engine is called {name!r}", hint=did_you_mean(name, engines.names())
        )
    module: ModuleType = engines.find_engine(name)
    return module


def _document(engine: ModuleType) -> dict[str, object]:
    return {
        "name": engine.NAME,
        "title": engine.TITLE,
        "formats": list(engine.FORMATS),
        "distributions": list(engine.DISTRIBUTIONS),
        "options": {name: list(values) for name, values in engine.OPTIONS.items()},
        "variants": list(engine.VARIANTS),
        "note": engine.NOTE,
    }


def _words(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{k}={'|'.join(v) or 'ANY'}" for k, v in value.items()) or "-"
    return ", ".join(map(str, value)) or "-" if isinstance(value, list) else str(value)


def _problems(engine: ModuleType) -> Iterator[str]:
    where = engine.__name__
    for name, kind in (
        ("NAME", str),
        ("TITLE", str),
        ("FORMATS", tuple),
        ("DISTRIBUTIONS", tuple),
        ("OPTIONS", dict),
        ("VARIANTS", tuple),
        ("NOTE", str),
    ):
        value = getattr(engine, name, None)
        if not isinstance(value, kind):
            yield f"{where}: {name}: expected a {kind.__name__}, got {type(value).__name__}"
    for name in ("library", "load"):
        if not callable(getattr(engine, name, None)):
            yield f"{where}: {name}: expected a function"
    if getattr(engine, "NAME", "") != where.rpartition(".")[2]:
        yield f"{where}: NAME: expected {where.rpartition('.')[2]!r}, got {engine.NAME!r}"
