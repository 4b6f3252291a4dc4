"""List, show and check the rules that `edgekit explain` judges by."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import click

from edgekit.cli.output import Output, output_options, table
from edgekit.core.errors import ConfigError

GROUPS = ("model", "hardware", "software")


@click.group()
def command() -> None:
    """Rules: one cause of lag each, with the evidence it needs.

    \b
    Examples:
      edgekit rules list
      edgekit rules show model-denormals
      edgekit rules check
    """


@command.command("list")
@output_options
def list_command(output: Output) -> None:
    """List every rule."""
    from edgekit.explain.explaining import all_rules

    documents = [_document(rule) for rule in all_rules()]
    rows = [(d["rule"], d["group"], d["cause"]) for d in documents]
    output.data(documents, table(("rule", "group", "cause"), rows))
    output.next_step("edgekit rules show software-contention")


@command.command("show")
@click.argument("rule")
@output_options
def show_command(rule: str, output: Output) -> None:
    """Show what a rule looks at, and where its thresholds come from."""
    from edgekit.explain.explaining import find_rule

    found = _document(find_rule(rule))
    text = [
        f"{found['rule']} ({found['group']})",
        found["cause"],
        "",
        f"judges  {found['judges']}",
        f"needs   {found['needs']}",
        f"source  {found['source']}",
    ]
    output.data(found, "\n".join(text))


@command.command("check")
@click.argument("rule", required=False)
@output_options
def check_command(rule: str | None, output: Output) -> None:
    """Check that a rule's file, or every one, offers what docs/add-a-rule.md asks for."""
    from edgekit.explain.explaining import all_rules, find_rule

    found = (find_rule(rule),) if rule else all_rules()
    problems = [problem for module in found for problem in _problems(module)]
    if problems:
        raise ConfigError("\n".join(problems), details={"problems": problems})
    checked = [module.CAUSE for module in found]
    output.data({"checked": checked}, f"{len(checked)} rules are in order")


def _problems(rule: ModuleType) -> Iterator[str]:
    stem = rule.__name__.rpartition(".")[2].replace("_", "-")
    for constant in ("CAUSE", "GROUP", "NEEDS", "SOURCE"):
        if not getattr(rule, constant, ""):
            yield f"{stem}: {constant}: expected words"
    if getattr(rule, "GROUP", "") not in GROUPS:
        yield f"{stem}: GROUP: expected one of {', '.join(GROUPS)}, got {rule.GROUP!r}"
    if getattr(rule, "CAUSE", "") != stem:
        yield f"{stem}: CAUSE: expected {stem!r}, got {rule.CAUSE!r}"
    if not (rule.__doc__ or "").strip() or not (rule.judge.__doc__ or "").strip():
        yield f"{stem}: the file and judge() need a docstring: `edgekit rules show` prints them"


def _document(rule: ModuleType) -> dict[str, str]:
    return {
        "rule": rule.CAUSE,
        "group": rule.GROUP,
        "cause": (rule.__doc__ or "").strip().splitlines()[0].rstrip("."),
        "judges": (rule.judge.__doc__ or "").strip().splitlines()[0].rstrip("."),
        "needs": rule.NEEDS,
        "source": rule.SOURCE,
    }
