"""Help topics: exit-codes."""

from __future__ import annotations

import click

from edgekit.cli.exits import MEANING
from edgekit.cli.output import Output, aligned, output_options
from edgekit.core.errors import UsageFault
from edgekit.core.suggest import did_you_mean

TOPICS = ("exit-codes",)


@click.command()
@click.argument("topic")
@output_options
def command(topic: str, output: Output) -> None:
    """Show a help topic.

    \b
    Examples:
      edgekit help exit-codes
    """
    if topic not in TOPICS:
        raise UsageFault(f"no help topic is called {topic!r}", hint=did_you_mean(topic, TOPICS))
    rows = [(str(code), meaning) for code, meaning in MEANING.items()]
    output.data(
        {str(code): meaning for code, meaning in MEANING.items()},
        aligned(("code", "meaning"), rows),
    )
