"""Options that mean the same in every command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., object])

RECORDS_FOLDER = Path("records")


def inventory_option(function: Function) -> Function:
    """``--inventory``: the file of boards."""
    return click.option(
        "--inventory",
        type=click.Path(path_type=Path),
        help="File of boards; default: ./boards.toml, else the user's.",
    )(function)


def records_option(function: Function) -> Function:
    """``--records``: where the command saves its record."""
    return click.option(
        "--records",
        type=click.Path(path_type=Path),
        default=RECORDS_FOLDER,
        show_default=True,
        help="Folder for the record of this command.",
    )(function)
