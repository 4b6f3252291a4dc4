"""Commands in `sh` blocks: not run, but every one goes through the real parser."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from edgekit.cli.main import cli
from edgekit.core.measurement import Measurement

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def lines() -> list[tuple[str, str]]:
    """Page and command; lines that go on are joined, comments and placeholders' marks left out."""
    found = []
    for page in PAGES:
        for block in FENCE.findall(page.read_text()):
            for line in block.replace("\\\n", " ").splitlines():
                if re.match(r"\s*edgekit\s", line):
                    found.append((page.name, line.strip()))
    return found


def parse(words: list[str]) -> None:
    """As the command line would, without running anything."""
    command: click.Command = cli
    context = click.Context(cli, info_name="edgekit")
    while isinstance(command, click.Group):
        name = words.pop(0)
        found = command.get_command(context, name)
        if found is None:
            raise click.UsageError(f"no command is called {name!r}")
        command = found
    command.make_context(str(command.name), words, parent=context)


@pytest.mark.parametrize(("page", "line"), lines())
def test_commands_are_as_the_parser_wants_them(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    cut = next((i for i, word in enumerate(words) if word in ("&", "|", ">", ";", "&&")), None)
    try:
        parse(words[1:cut])
    except click.exceptions.Exit:  # --help
        return
    except click.ClickException as err:
        if "does not exist" not in err.message:
            pytest.fail(f"{page}: {line}: {err.format_message()}")


def test_the_reference_has_every_command_profile_rule_and_record(tmp_path: Path) -> None:
    import gen_reference

    gen_reference.main(tmp_path)
    text = {path.stem: path.read_text() for path in tmp_path.glob("*.md")}
    for name in cli.list_commands(click.Context(cli)):
        assert f"## edgekit {name}\n" in text["commands"]
    assert text["commands"].count("```text") == text["commands"].count("Usage: edgekit")
    assert "| raspberrypi-5 |" in text["profiles"]
    assert "| software-contention |" in text["rules"]
    assert f"## edgekit.measurement\n\nSchema {Measurement.SCHEMA}." in text["records"]
    assert "Why samples are missing" in text["records"]
    assert "| GateFailed | 7 |" in text["errors"]
