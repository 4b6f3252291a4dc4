"""The lazy group: `edgekit --help` imports no command."""

from __future__ import annotations

import importlib
import importlib.util
import os
from functools import cache

import click

from edgekit.core.plugins import plugin_paths
from edgekit.core.suggest import did_you_mean

PACKAGE = "edgekit.cli.commands"
RUNNING_COMPLETION = "_EDGEKIT_COMPLETE"
"""The shell sets it when it asks what could come next; see ``edgekit completion``."""
WORKFLOW = (
    "init",
    "doctor",
    "go",
    "convert",
    "inspect",
    "compress",
    "optimize",
    "deploy",
    "bundle",
    "releases",
    "rollback",
    "status",
    "logs",
    "watch",
    "gc",
    "keys",
    "run",
    "predict",
    "compare",
    "serve",
    "load",
    "split",
    "route",
    "explain",
    "report",
    "diff",
    "history",
    "boards",
    "board",
    "fleet",
    "profiles",
    "engines",
    "steps",
    "rules",
    "net",
    "completion",
    "help",
)
"""Help lists commands in the order in which people use them; others follow by name."""


@cache
def summaries() -> dict[str, str]:
    """Command name to summary line, from the first line of each command file."""
    found = {}
    for name, path in plugin_paths(PACKAGE).items():
        spec = importlib.util.find_spec(path)
        if spec is not None and spec.origin:
            with open(spec.origin, encoding="utf-8") as stream:
                found[name.replace("_", "-")] = stream.readline().strip().strip('"').rstrip(".")
    order = {name: position for position, name in enumerate(WORKFLOW)}
    return dict(sorted(found.items(), key=lambda item: (order.get(item[0], 99), item[0])))


class LazyGroup(click.Group):
    """Imports a command's file only when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in workflow order."""
        return list(summaries())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if cmd_name not in summaries():
            return None
        module = importlib.import_module(plugin_paths(PACKAGE)[cmd_name.replace("-", "_")])
        command: click.Command = module.command
        if RUNNING_COMPLETION in os.environ:
            from edgekit.cli.names import offer_names

            offer_names(command, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest command's name when there is none of that name."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            raise click.UsageError(
                f"no command is called {name!r}: {did_you_mean(name, summaries())}", ctx
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command table, from summaries alone."""
        with formatter.section("Commands"):
            formatter.write_dl(list(summaries().items()))
