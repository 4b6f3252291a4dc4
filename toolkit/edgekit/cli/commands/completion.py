"""Print the script by which a shell completes commands, options and names."""

from __future__ import annotations

import click

from edgekit.cli.group import RUNNING_COMPLETION
from edgekit.cli.output import Output, output_options

PLACES = {
    "bash": 'eval "$(edgekit completion bash)"   in ~/.bashrc',
    "zsh": 'eval "$(edgekit completion zsh)"   in ~/.zshrc',
    "fish": "edgekit completion fish > ~/.config/fish/completions/edgekit.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(PLACES)))
@output_options
def command(shell: str, output: Output) -> None:
    """Print the completion script for SHELL: commands, options, and the names of boards,
    profiles, networks, engines, rules, steps and artifact folders.

    \b
    Examples:
      eval "$(edgekit completion bash)"
      edgekit completion fish > ~/.config/fish/completions/edgekit.fish
    """
    from click.shell_completion import get_completion_class

    from edgekit.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(cli, {}, "edgekit", RUNNING_COMPLETION).source()
    output.data({"shell": shell, "script": script}, script)
    output.next_step(PLACES[shell])
