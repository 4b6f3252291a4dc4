"""List, show and check the steps that conversions are made of."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import click

from edgekit.cli.output import Output, output_options, table
from edgekit.core.errors import ConfigError
from edgekit.core.suggest import did_you_mean

PACKAGE = "edgekit.convert.steps"


@click.group()
def command() -> None:
    """Conversion steps: from one format to another, or to fewer bits within one.

    \b
    Examples:
      edgekit steps list
      edgekit steps show tflite-quantize
      edgekit steps check
    """


@command.command("list")
@output_options
def list_command(output: Output) -> None:
    """List every step."""
    documents = [_document(name, module) for name, module in _all().items()]
    rows = [
        (str(d["step"]), str(d["from"]), str(d["to"]), str(d["environment"]), str(d["does"]))
        for d in documents
    ]
    output.data(documents, table(("step", "from", "to", "environment", "does"), rows))
    output.next_step("edgekit steps show tflite-quantize")


@command.command("show")
@click.argument("step")
@output_options
def show_command(step: str, output: Output) -> None:
    """Show a step: formats, recipes, the tool environment it runs in and what that pins."""
    from edgekit.toolenvs.pins import find_environment

    module = _find(step)
    document = _document(step, module)
    environment = find_environment(module.ENVIRONMENT)
    document["recipes"] = list(getattr(module, "RECIPES", ()))
    document["pins"] = list(environment.requirements)
    lines = [
        f"{key:<12} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for key, value in document.items()
    ]
    output.data(document, "\n".join(lines))


@command.command("check")
@click.argument("step", required=False)
@output_options
def check_command(step: str | None, output: Output) -> None:
    """Check that a step's file, or every one, offers what docs/add-a-step.md asks for."""
    found = {step: _find(step)} if step else _all()
    problems = [problem for name, module in found.items() for problem in _problems(name, module)]
    if problems:
        raise ConfigError("\n".join(problems), details={"problems": problems})
    output.data({"checked": list(found)}, f"{len(found)} steps are in order")


def _all() -> dict[str, ModuleType]:
    from edgekit.core.plugins import plugins

    found = plugins(PACKAGE, having="SOURCE")
    return {name.replace("_", "-"): module for name, module in found.items()}


def _find(name: str) -> ModuleType:
    found = _all()
    if name not in found:
        raise ConfigError(f"no step is called {name!r}", hint=did_you_mean(name, found))
    return found[name]


def _document(name: str, module: ModuleType) -> dict[str, object]:
    return {
        "step": name,
        "from": module.SOURCE,
        "to": module.TARGET,
        "environment": module.ENVIRONMENT,
        "cost": module.COST,
        "does": (module.__doc__ or "").strip().splitlines()[0].rstrip("."),
    }


def _problems(name: str, module: ModuleType) -> Iterator[str]:
    from edgekit.core.artifact import Format
    from edgekit.core.errors import EdgekitError
    from edgekit.toolenvs.pins import find_environment

    for constant in ("SOURCE", "TARGET"):
        value = getattr(module, constant, None)
        if value not in list(Format):
            known = did_you_mean(str(value), [item.value for item in Format])
            yield f"{name}: {constant}: {value!r} is no format; {known}"
    try:
        find_environment(str(getattr(module, "ENVIRONMENT", "")))
    except EdgekitError as err:
        yield f"{name}: ENVIRONMENT: {err.message}"
    if not isinstance(getattr(module, "COST", None), int):
        yield f"{name}: COST: expected a whole number"
    if not callable(getattr(module, "main", None)):
        yield f"{name}: main: expected a function"
    is_within = getattr(module, "SOURCE", None) == getattr(module, "TARGET", None)
    if getattr(module, "RECIPES", ()) and not is_within:
        yield f"{name}: RECIPES: only a step within one format quantizes"
