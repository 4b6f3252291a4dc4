"""Names that the shell completes: boards, profiles, networks, engines, rules, steps, artifacts.

Nothing heavy is imported: a completion has to answer while a finger is on the key.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem

CARD = "card.json"


class Name(click.ParamType):  # type: ignore[type-arg]  # generic in new clicks only
    """Any text; the shell offers the names that are known."""

    name = "text"

    def __init__(self, known: Callable[[], Iterable[str]]) -> None:
        self.known = known

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """As it was typed: the command itself says what is wrong with it."""
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Known names that begin like what was typed."""
        try:
            found = sorted(set(self.known()))
        except (OSError, ValueError):  # a file that cannot be read completes nothing
            return []
        return [CompletionItem(name) for name in found if name.startswith(incomplete)]


def boards() -> Iterable[str]:
    """Of the inventory in use, and the virtual ones."""
    from edgekit.boards.inventory import inventory_path

    path = inventory_path()
    entries = tomllib.loads(path.read_text("utf-8")).get("boards", []) if path.exists() else []
    return ["local", "arm64", *(str(entry.get("name", "")) for entry in entries)]


def profiles() -> Iterable[str]:
    """Shipped ones and the user's."""
    from edgekit.profiles.device import profile_paths

    return profile_paths()


def networks() -> Iterable[str]:
    """Shipped ones and the project's."""
    from edgekit.networks.catalog import network_paths

    return network_paths()


def engines() -> Iterable[str]:
    """Every engine."""
    from edgekit_runner.engines import names

    return names()


def rules() -> Iterable[str]:
    """Every rule, by its file."""
    from edgekit.core.plugins import plugin_paths

    return (name.replace("_", "-") for name in plugin_paths("edgekit.explain.rules"))


def steps() -> Iterable[str]:
    """Every step, by its file."""
    from edgekit.core.plugins import plugin_paths

    return (name.replace("_", "-") for name in plugin_paths("edgekit.convert.steps"))


class ArtifactFolder(click.Path):
    """A path; the shell offers folders that hold an artifact first, else any path."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Artifact folders below the folder that is being typed."""
        parent = Path(os.path.dirname(incomplete) or ".")
        try:
            cards = [
                card.parent for card in (*parent.glob(f"*/{CARD}"), *parent.glob(f"*/*/{CARD}"))
            ]
        except OSError:
            cards = []
        found = sorted(str(folder) for folder in cards if str(folder).startswith(incomplete))
        if not found:
            return super().shell_complete(ctx, param, incomplete)
        return [CompletionItem(folder) for folder in found]


KNOWN: Mapping[str, Callable[[], Iterable[str]]] = {
    "board": boards,
    "boards": boards,
    "profile": profiles,
    "network": networks,
    "networks": networks,
    "engine": engines,
    "rule": rules,
    "step": steps,
}
"""Name of a parameter to the names that it takes."""


def offer_names(command: click.Command, group: str = "") -> None:
    """Lets the shell complete a command's parameters, and those of its subcommands."""
    for parameter in command.params:
        name = "board" if group == "boards" and parameter.name == "name" else str(parameter.name)
        if parameter.type is click.STRING and name in KNOWN:
            parameter.type = Name(KNOWN[name])
        elif name == "artifact" and type(parameter.type) is click.Path:
            parameter.type = ArtifactFolder(path_type=Path)
    if isinstance(command, click.Group):
        for child in command.commands.values():
            offer_names(child, group)
