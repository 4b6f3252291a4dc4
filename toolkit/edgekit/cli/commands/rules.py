"""List and show the rules that `edgekit explain` judges by."""

from __future__ import annotations

from types import ModuleType

import click

from edgekit.cli.output import Output, output_options, table


@click.group()
def command() -> None:
    """Rules: one cause of lag each, with the evidence it needs.

    \b
    Examples:
      edgekit rules list
      edgekit rules show model-denormals
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


def _document(rule: ModuleType) -> dict[str, str]:
    return {
        "rule": rule.CAUSE,
        "group": rule.GROUP,
        "cause": (rule.__doc__ or "").strip().splitlines()[0].rstrip("."),
        "judges": (rule.judge.__doc__ or "").strip().splitlines()[0].rstrip("."),
        "needs": rule.NEEDS,
        "source": rule.SOURCE,
    }
