"""The options of ``edgekit deploy --fleet``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from edgekit.core.errors import UsageFault

Result = TypeVar("Result")

OPTIONS = (
    click.option(
        "--fleet",
        "file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Deploy to the boards of an inventory file (as boards.toml).",
    ),
    click.option("--tag", "tags", multiple=True, help="Fleet: only boards with this tag."),
    click.option("--group", "groups", multiple=True, help="Fleet: only boards of this group."),
    click.option(
        "--limit", default="", metavar="NAMES|@FILE", help="Fleet: only these boards, or a file's."
    ),
    click.option("--canary", default=None, metavar="N|%", help="Fleet: first wave.  [default: 1]"),
    click.option("--wave", default=None, metavar="N|%", help="Fleet: each wave.  [default: 25%]"),
    click.option("--max-fail", default=None, metavar="N|%", help="Fleet: may fail.  [default: 0]"),
    click.option("--soak", default=None, type=float, metavar="S", help="Fleet: look again after."),
    click.option(
        "--threads", default=None, type=click.IntRange(1, 256), help="Fleet: boards at a time."
    ),
    click.option(
        "--connect-timeout", default=None, type=float, metavar="S", help="Fleet: per board."
    ),
    click.option("--restart", is_flag=True, help="Fleet: forget an interrupted run."),
)


@dataclass(frozen=True)
class FleetOptions:
    """As typed."""

    file: Path
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    limit: str = ""
    canary: str = "1"
    wave: str = "25%"
    max_fail: str = "0"
    soak: float = 0.0
    threads: int = 32
    connect_timeout: float = 5.0
    restart: bool = False


def fleet_options(function: Callable[..., Result]) -> Callable[..., Result]:
    """Adds the options; passes ``fleet``: FleetOptions, or None without ``--fleet``."""
    names = [field.name for field in fields(FleetOptions) if field.name != "file"]

    @functools.wraps(function)
    # Any: click passes the command's own parameters through
    def wrapper(*args: Any, file: Path | None, **kwargs: Any) -> Result:
        taken = {name: kwargs.pop(name) for name in names}
        given = {
            name: value for name, value in taken.items() if value not in (None, (), "", False)
        }
        if file is None:
            if given:
                option = next(iter(given)).removesuffix("s").replace("_", "-")
                raise UsageFault(f"--{option} needs --fleet", hint="--fleet boards.toml")
            return function(*args, fleet=None, **kwargs)
        return function(*args, fleet=FleetOptions(file, **given), **kwargs)

    decorated = wrapper
    for option in reversed(OPTIONS):
        decorated = option(decorated)
    return decorated
